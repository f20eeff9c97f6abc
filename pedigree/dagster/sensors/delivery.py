"""The tick of the delivery sensor, for deployments without `pedigree serve`."""

import dagster as dg

from pedigree.errors import SecretKeyError
from pedigree.registry import Registry

# A tick has one minute; a delivery that is in progress after this time is still completed.
_SECONDS = 30.0


def deliver(context: dg.SensorEvaluationContext, registry: Registry) -> dg.SensorResult:
    """Deliver pending events to webhooks and sinks; other processes may do so concurrently.

    The registry stores the position, not the cursor.

    Args:
        context: The tick's context.
        registry: The registry.
    """
    sent = registry.operations.webhooks.feed_sinks(seconds=_SECONDS / 2)
    try:
        tries = registry.operations.webhooks.deliver(seconds=_SECONDS / 2)
    except SecretKeyError as error:
        message = str(error)
    else:
        message = f"{tries} webhook delivery attempts"
    if sent:
        message = f"{sent} events sent to sinks; {message}"
        context.log.info(message)
    return dg.SensorResult(skip_reason=dg.SkipReason(message))
