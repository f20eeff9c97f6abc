"""What the delivery sensor does at a tick, where no `pedigree serve` runs that would do it."""

import dagster as dg

from pedigree.errors import SecretKeyError
from pedigree.registry import Registry

# A tick has a minute, and what is under way at the end of these is finished.
_SECONDS = 30.0


def deliver(context: dg.SensorEvaluationContext, registry: Registry) -> dg.SensorResult:
    """Deliver what is due to webhooks, and feed sinks; others may do so at the same time.

    How far it has come is kept in the registry, not in the cursor.

    Args:
        context: The tick's context.
        registry: The registry.
    """
    sent = registry.operations.webhooks.feed_sinks(seconds=_SECONDS / 2)
    try:
        tries = registry.operations.webhooks.deliver(seconds=_SECONDS / 2)
    except SecretKeyError as error:
        said = str(error)
    else:
        said = f"{tries} tries to deliver events to webhooks"
    if sent:
        said = f"{sent} events sent to sinks; {said}"
        context.log.info(said)
    return dg.SensorResult(skip_reason=dg.SkipReason(said))
