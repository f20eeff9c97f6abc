"""What the delivery sensor does at a tick, where no `pedigree serve` runs that would do it."""

import dagster as dg

from pedigree.errors import SecretKeyError
from pedigree.registry import Registry

# A tick has a minute, and what is under way at the end of these is finished.
_SECONDS = 30.0


def deliver(context: dg.SensorEvaluationContext, registry: Registry) -> dg.SensorResult:
    """Deliver what is due to webhooks; other workers may do so at the same time.

    How far it has come is kept in the registry, not in the cursor.

    Args:
        context: The tick's context.
        registry: The registry.
    """
    try:
        tries = registry.deliver(seconds=_SECONDS)
    except SecretKeyError as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(str(error)))
    if tries:
        context.log.info("%s tries to deliver events", tries)
    return dg.SensorResult(skip_reason=dg.SkipReason(f"{tries} tries to deliver events"))
