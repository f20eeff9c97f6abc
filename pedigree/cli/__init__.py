"""The command line; its modules import typer alone, and what a command needs when it runs.

Rules do not belong here: a command translates its options to one verb of the registry.
"""
