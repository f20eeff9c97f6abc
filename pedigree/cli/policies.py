"""``pedigree policy show | set | history | default``: what a version must pass to enter a stage."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pedigree.cli._input import JsonFlag, LimitOption, NameArgument
from pedigree.cli._lists import Listing, page_of, respond_list
from pedigree.cli._output import Raw, respond, table, when
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from pedigree.contract.registry import RegistryContract
    from pedigree.lifecycle.records import Policy

RevisionOption = Annotated[
    int | None,
    typer.Option(
        "--revision", help="This revision instead of the present one.", show_default=False
    ),
]

FileArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="A YAML file.", show_default=False)
]
PatternArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="PATTERN", help="A model's name, or such as 'risk-*'.", show_default=False
    ),
]
ReasonOption: TypeAlias = Annotated[
    str | None, typer.Option("--reason", help="Why; kept in the log.")
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(help="Show and set policies, and list earlier ones.", no_args_is_help=True)
    group.command("show")(show)
    group.command("set")(set_policy)
    group.command("history")(history)
    group.command("checks")(checks)
    group.command("default")(set_default)
    group.command("defaults")(defaults)
    group.command("delete-default")(delete_default)
    app.add_typer(group, name="policy", rich_help_panel="Judge and promote")


def show(name: NameArgument, revision: RevisionOption = None, as_json: JsonFlag = False) -> None:
    """Show a model's policy as the YAML that `policy set` reads."""
    from pedigree.lifecycle.policy_yaml import write_document

    with open_registry() as registry:
        policy = registry.policy(name)
        if revision is not None:
            policy = _revision(registry, name, revision)
    respond(policy, as_json, lambda: typer.echo(write_document(policy), nl=False))


def _revision(registry: "RegistryContract", name: str, revision: int) -> "Policy":
    found = registry.policy_history(name, limit=1, after=revision - 1) if revision > 0 else ()
    if not found:
        raise InvalidInputError(
            f"the policy of {name} has no such revision",
            field="--revision",
            value=revision,
            remedy=f"`pedigree policy history {name}` lists them",
        )
    return found[0].policy


def set_policy(
    name: NameArgument,
    file: FileArgument,
    reason: ReasonOption = None,
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


def history(
    name: NameArgument,
    limit: LimitOption = 100,
    after: Annotated[
        int | None,
        typer.Option(
            "--after", min=0, help="The last revision of the previous page.", show_default=False
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the revisions of a model's policy, oldest first."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.policy_history(name, limit=most, after=after or 0),
            limit,
            lambda each: each.revision,
        )

    def view() -> object:
        rows = (
            (
                str(each.revision),
                when(each.at),
                each.set_by,
                each.reason or "",
                " → ".join(rule.name for rule in each.policy.stages),
            )
            for each in found.items
        )
        return table(("revision#", "since", "by", "reason", "stages"), rows)

    respond_list(found, as_json, view)


def checks(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List the checks that a new version of a model must pass to become a candidate."""
    with open_registry() as registry:
        found = registry.registration_checks(name)

    def view() -> Iterator[object]:
        for check in found:
            yield Raw(check)

    respond_list(Listing(items=found), as_json, view)


def set_default(
    pattern: PatternArgument,
    file: FileArgument,
    reason: ReasonOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Set the policy of new models whose names fit a pattern, such as 'risk-*'."""
    from pedigree.lifecycle.policy_yaml import load_policy

    policy = load_policy(file)
    with open_registry() as registry:
        found = registry.set_policy_default(pattern, policy, reason=reason)
    respond(found, as_json, lambda: f"New models {found.pattern} have this policy.")


def defaults(
    limit: LimitOption = 100,
    after: Annotated[
        str | None,
        typer.Option("--after", help="The last pattern of the previous page.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the policies of new models, by pattern."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.policy_defaults(limit=most, after=after),
            limit,
            lambda each: each.pattern,
        )

    def view() -> object:
        rows = (
            (
                each.pattern,
                when(each.set_at),
                each.set_by,
                each.reason or "",
                " → ".join(rule.name for rule in each.policy.stages),
            )
            for each in found.items
        )
        return table(("pattern", "since", "by", "reason", "stages"), rows)

    respond_list(found, as_json, view)


def delete_default(
    pattern: PatternArgument, reason: ReasonOption = None, as_json: JsonFlag = False
) -> None:
    """Delete the policy of new models of a pattern; models that have it keep it."""
    with open_registry() as registry:
        registry.delete_policy_default(pattern, reason=reason)
    respond(
        {"pattern": pattern, "deleted": True},
        as_json,
        lambda: f"New models {pattern} have no policy of this pattern any more.",
    )
