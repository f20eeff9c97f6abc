"""What an action will do, in words: whose place is taken, what runs again, what becomes void."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from pedigree.catalog.records import ModelVersion, RegisteredModel
from pedigree.lifecycle.records import CHAMPION_STAGE, Policy
from pedigree.registry import Registry
from pedigree.server.web.words import plural

_REQUESTS = 50
_OUTPUTS = 100


class Subject:
    """The version that an action is about, with its model.

    Args:
        registry: The registry with the permissions of the visitor.
        version: The version.
        policy: The policy of the model.
        requested: The stages that somebody asked for it; read when they are needed if None.
    """

    def __init__(
        self,
        registry: Registry,
        version: ModelVersion,
        policy: Policy,
        requested: Sequence[str] | None = None,
    ) -> None:
        self.registry = registry
        self.version = version
        self.policy = policy
        self._requested = requested

    @cached_property
    def model(self) -> RegisteredModel:
        """The model; what only offers actions does not read it."""
        return self.registry.model(self.version.model_name)

    @cached_property
    def requested(self) -> tuple[str, ...]:
        """The stages that somebody asked for the version."""
        if self._requested is None:
            asked = self.registry.stage_requests(self.version.model_name)
            number = self.version.version_id
            self._requested = [each.stage for each in asked if each.version_id == number]
        return tuple(dict.fromkeys(self._requested))

    @property
    def reference(self) -> str:
        """What names the version."""
        return self.version.reference

    def holders(self, stage: str) -> tuple[int, ...]:
        """Return the other versions in a stage."""
        held = self.model.stages.get(stage, ())
        return tuple(number for number in held if number != self.version.version_id)


def subject_of(registry: Registry, name: str, number: int) -> Subject:
    """Return the version that an action is about.

    Raises:
        NotFoundError: There is no such version.
    """
    version = registry.get(f"{name}/{number}")
    return Subject(registry, version, registry.policy(name))


def of_entering(subject: Subject, stage: str) -> Iterator[str]:
    """Yield what happens when the version enters a stage."""
    rule = subject.policy.rule(stage)
    others = subject.holders(stage)
    if rule is not None and rule.exclusive and others:
        named = " and ".join(f"v{number}" for number in others)
        yield f"It takes {stage} from {named}, which is archived."
    elif others:
        yield f"{plural(others, 'other version')} stay in {stage}."
    else:
        yield f"It is the first version in {stage}."
    if stage == CHAMPION_STAGE:
        yield runs_again(subject.registry, f"{subject.model.name}@{stage}" if others else None)
    yield from of_moving(subject)


def runs_again(registry: Registry, reference: str | None) -> str:
    """Return in words which assets were written with the version that a reference names."""
    if reference is None:
        return "No output is known that is written with this stage."
    found = registry.downstream(reference, limit=_OUTPUTS)
    assets = sorted({usage.asset for usage in found.usages})
    if not assets:
        return "No output is known that is written with this stage."
    more = " and more" if found.next is not None else ""
    return f"What was written with it is written again in Dagster: {', '.join(assets)}{more}."


def of_moving(subject: Subject) -> Iterator[str]:
    """Yield what every move of a stage or an alias of the model does."""
    void = void_approvals(subject.registry, subject.model)
    if void:
        yield says_void(void, "other requests")


def says_void(approvals: int, of: str) -> str:
    """Return in words that approvals of some requests will not count any more."""
    becomes = "becomes" if approvals == 1 else "become"
    return f"{plural(approvals, 'approval')} for {of} {becomes} void, because the model moves."


def void_approvals(registry: Registry, model: RegisteredModel) -> int:
    """Return how many approvals for open requests become void when the model moves.

    An approval is valid for the state of the model that the approver saw.
    """
    asked = registry.stage_requests(model.name, limit=_REQUESTS)
    references = sorted({f"{model.name}/{each.version_id}" for each in asked})
    return sum(
        decision.approved and decision.generation == model.generation
        for reference in references
        for decision in registry.decisions(reference)
    )


def who_may(rules: Sequence[str]) -> str:
    """Return in words who may do what the visitor may not."""
    if rules:
        return f"The policy lets {', '.join(rules)} do it, with a role that allows it."
    return "Somebody whose role or grant allows it may; an admin gives it."
