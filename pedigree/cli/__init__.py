"""The command line; its modules import typer alone, and what a command needs when it runs.

A module that brings commands has a function ``add_to`` and its place in ``_commands.MODULES``.
Rules do not belong here: a command translates its options to one verb of the registry.
"""
