"""The command line. Its modules import typer alone; what a command needs is loaded when it runs.

A module that brings commands has a function ``add_to`` and its place in ``_commands.MODULES``.
"""
