"""The command line. Its modules import typer alone; what a command needs is loaded when it runs."""
