"""A stage's requirement on a metric."""

from typing import Annotated

from pydantic import Field, FiniteFloat, StrictBool, model_validator

from pedigree._record import NUMBER, Record


class MetricGate(Record):
    """A stage's requirement on a metric: a bound, or a comparison with the champion, or both."""

    metric: str = Field(min_length=1)
    at_least: Annotated[FiniteFloat, NUMBER] | None = None
    at_most: Annotated[FiniteFloat, NUMBER] | None = None
    against_champion: StrictBool = Field(
        default=False, description="Compare with the production version"
    )
    higher_is_better: StrictBool = True
    tolerance: Annotated[FiniteFloat, NUMBER] = Field(
        default=0.0,
        description="How much worse than the champion's it may be; below 0, how much better",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> "MetricGate":
        if self.at_least is None and self.at_most is None and not self.against_champion:
            raise ValueError(f"{self.metric!r} has no requirement: give a bound, or the champion")
        return self
