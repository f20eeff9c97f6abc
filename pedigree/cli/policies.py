"""``pedigree policy show | set | history``: what a model's versions must show to enter a stage."""

from pathlib import Path
from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, NameArgument
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

RevisionOption = Annotated[
    int | None,
    typer.Option("--revision", help="This one instead of the present.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Show, set and look back at policies.", no_args_is_help=True)
    group.command("show")(show)
    group.command("set")(set_policy)
    group.command("history")(history)
    group.command("checks")(checks)
    app.add_typer(group, name="policy", rich_help_panel="Judge and promote")


def show(name: NameArgument, revision: RevisionOption = None, as_json: JsonFlag = False) -> None:
    """Show a model's policy as the YAML that `policy set` takes."""
    from pedigree.cli._output import print_json
    from pedigree.lifecycle.policy_yaml import write_document

    with open_registry() as registry:
        policy = registry.policy(name)
        if revision is not None:
            given = {each.revision: each.policy for each in registry.policy_history(name)}
            if revision not in given:
                raise InvalidInputError(
                    f"{name} was given {len(given)} policies",
                    field="--revision",
                    value=revision,
                    remedy=f"`pedigree policy history {name}` lists them",
                )
            policy = given[revision]
    if as_json:
        print_json(policy)
    else:
        typer.echo(write_document(policy), nl=False)


def set_policy(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file.", show_default=False)],
    reason: Annotated[str | None, typer.Option("--reason", help="Why; kept in the log.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a model a policy; each change is a numbered revision."""
    from pedigree.cli._output import out, print_json
    from pedigree.lifecycle.policy_yaml import load_policy

    policy = load_policy(file)
    with open_registry() as registry:
        revision = registry.set_policy(name, policy, reason=reason)
    if as_json:
        print_json({"model_name": name, "revision": revision})
    else:
        out.print(f"{name} goes by revision {revision} of its policy.", markup=False)


def history(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List the policies that a model was given."""
    from pedigree.cli._output import out, print_json, table, when

    with open_registry() as registry:
        given = registry.policy_history(name)
    if as_json:
        print_json(given)
        return
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
    out.print(table(("revision#", "since", "by", "reason", "stages"), rows))


def checks(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List the checks by which a new version of a model becomes a candidate."""
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        found = registry.registration_checks(name)
    if as_json:
        print_json(found)
        return
    for check in found:
        print(check)
