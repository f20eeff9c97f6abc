"""A user's training function: its parameters, and the body of the step that calls it."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import dagster as dg

from pedigree.dagster.assets.materialization_metadata import StepResult
from pedigree.dagster.assets.training_step import TrainingStep
from pedigree.dagster.capture.inputs import ModelInputs
from pedigree.dagster.resources.registry import RegistryResource
from pedigree.errors import InvalidInputError

REGISTRY_KEY = "registry"
_CONTEXT_NAMES = frozenset({"context", "_context", "context_", "_"})

Body: TypeAlias = Callable[..., Any]
Begin: TypeAlias = Callable[[dg.AssetExecutionContext], TrainingStep]


@dataclass(frozen=True)
class TrainingFunction:
    """A training function and its signature."""

    function: Callable[..., Any]
    signature: inspect.Signature

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "TrainingFunction":
        """Read a function's signature.

        Raises:
            InvalidInputError: An annotation names something that does not exist at run time.
        """
        try:
            signature = inspect.signature(function, eval_str=True)
        except NameError as error:
            raise InvalidInputError(
                f"has an annotation that cannot be resolved: {error}",
                field=function.__name__,
                remedy="Import the name at the top of the module, not under TYPE_CHECKING",
            ) from error
        return cls(function, signature.replace(return_annotation=inspect.Signature.empty))

    @property
    def takes_context(self) -> bool:
        """Whether its first parameter is the context."""
        return next(iter(self.signature.parameters), None) in _CONTEXT_NAMES

    @property
    def chooser(self) -> str | None:
        """The name of its parameter for :class:`ModelInputs`, if it has one."""
        parameters = self.signature.parameters.values()
        return next((p.name for p in parameters if p.annotation is ModelInputs), None)

    @property
    def is_async(self) -> bool:
        """Whether it is an ``async def``, with or without ``yield``."""
        return inspect.iscoroutinefunction(self.function) or inspect.isasyncgenfunction(
            self.function
        )

    def call(
        self, context: dg.AssetExecutionContext, inputs: ModelInputs, arguments: dict[str, Any]
    ) -> Any:
        """Call the function with those of the step's arguments that it takes."""
        accepted = {
            name: value for name, value in arguments.items() if name in self.signature.parameters
        }
        if self.chooser:
            accepted[self.chooser] = inputs
        return self.function(*((context,) if self.takes_context else ()), **accepted)

    def body_of_one(self, begin: Begin) -> Body:
        """Return the body of a step that makes one model, which the function returns."""
        if not self.is_async:

            def train(context: dg.AssetExecutionContext, **arguments: Any) -> StepResult:
                step = begin(context)
                return step.only_result(self.call(context, step.inputs, arguments))

            return self._with_signature(train)

        async def train_async(context: dg.AssetExecutionContext, **arguments: Any) -> StepResult:
            step = begin(context)
            return step.only_result(await self.call(context, step.inputs, arguments))

        return self._with_signature(train_async)

    def body_of_many(self, begin: Begin) -> Body:
        """Return the body of a step with several outputs, which the function returns or yields."""
        if not self.is_async:

            def train(context: dg.AssetExecutionContext, **arguments: Any) -> Iterator[StepResult]:
                step = begin(context)
                yield from step.results(self.call(context, step.inputs, arguments))

            return self._with_signature(train)

        async def train_async(
            context: dg.AssetExecutionContext, **arguments: Any
        ) -> AsyncIterator[StepResult]:
            step = begin(context)
            returned = self.call(context, step.inputs, arguments)
            if inspect.isawaitable(returned):
                for result in step.results(await returned):
                    yield result
            else:
                async for output in returned:
                    yield step.result(output)

        return self._with_signature(train_async)

    def _with_signature(self, body: Body) -> Body:
        """Give a step's body the signature from which Dagster reads inputs and resources."""
        functools.update_wrapper(body, self.function)
        del body.__wrapped__  # type: ignore[attr-defined]  # Dagster would unwrap the body
        body.__annotations__ = {}
        rest = list(self.signature.parameters.values())[1 if self.takes_context else 0 :]
        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = [context, *(p for p in rest if p.name != self.chooser)]
        body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it, typeshed does not know it
        return body


def add_resource_parameters(body: Body, keys: set[str]) -> None:
    """Add parameters for the resources that the step needs in addition to the function's own.

    Dagster takes resources either by parameter or by key, and the function may use the former.
    """
    signature = inspect.signature(body)
    # Dagster ignores keyword-only parameters. Directly after the context they need no default,
    # whatever the parameters after them are.
    added = [
        inspect.Parameter(
            key,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            annotation=RegistryResource if key == REGISTRY_KEY else dg.ResourceParam[object],
        )
        for key in sorted(keys - set(signature.parameters))
    ]
    context, *parameters = signature.parameters.values()
    body.__signature__ = signature.replace(parameters=[context, *added, *parameters])  # type: ignore[attr-defined]  # inspect reads it, typeshed does not know it
