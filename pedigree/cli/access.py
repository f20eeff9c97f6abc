"""``pedigree access …``: who may do what, and who is one person with whom."""

import typer

from pedigree.cli.people import add_people


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="Show and change who is one person, and who is let in.", no_args_is_help=True
    )
    add_people(group)
    app.add_typer(group, name="access", rich_help_panel="Operate")
