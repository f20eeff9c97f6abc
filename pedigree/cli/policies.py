"""``pedigree policy show | set | history``: what a version must pass to enter a stage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, NameArgument
from pedigree.cli._lists import Listing, respond_list
from pedigree.cli._output import Raw, respond, table, when
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

RevisionOption = Annotated[
    int | None,
    typer.Option(
        "--revision", help="This revision instead of the present one.", show_default=False
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Show and set policies, and list earlier ones.", no_args_is_help=True)
    group.command("show")(show)
    group.command("set")(set_policy)
    group.command("history")(history)
    group.command("checks")(checks)
    app.add_typer(group, name="policy", rich_help_panel="Judge and promote")


def show(name: NameArgument, revision: RevisionOption = None, as_json: JsonFlag = False) -> None:
    """Show a model's policy as the YAML that `policy set` reads."""
    from pedigree.lifecycle.policy_yaml import write_document

    with open_registry() as registry:
        policy = registry.policy(name)
        if revision is not None:
            given = {each.revision: each.policy for each in registry.policy_history(name)}
            if revision not in given:
                raise InvalidInputError(
                    f"{name} has {len(given)} revisions of its policy",
                    field="--revision",
                    value=revision,
                    remedy=f"`pedigree policy history {name}` lists them",
                )
            policy = given[revision]
    respond(policy, as_json, lambda: typer.echo(write_document(policy), nl=False))


def set_policy(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file.", show_default=False)],
    reason: Annotated[str | None, typer.Option("--reason", help="Why; kept in the log.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Set a model's policy; each change is a numbered revision."""
    from pedigree.lifecycle.policy_yaml import load_policy

    policy = load_policy(file)
    with open_registry() as registry:
        revision = registry.set_policy(name, policy, reason=reason)
    respond(
        {"model_name": name, "revision": revision},
        as_json,
        lambda: f"{name} uses revision {revision} of its policy.",
    )


def history(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List the revisions of a model's policy."""
    with open_registry() as registry:
        given = registry.policy_history(name)

    def view() -> object:
        rows = (
            (
                str(each.revision),
                when(each.at),
                each.set_by,
                each.reason or "",
                " → ".join(rule.name for rule in each.policy.stages),
            )
            for each in given
        )
        return table(("revision#", "since", "by", "reason", "stages"), rows)

    respond_list(Listing(items=given), as_json, view)


def checks(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List the checks that a new version of a model must pass to become a candidate."""
    with open_registry() as registry:
        found = registry.registration_checks(name)

    def view() -> Iterator[object]:
        for check in found:
            yield Raw(check)

    respond_list(Listing(items=found), as_json, view)
