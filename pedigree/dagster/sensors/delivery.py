"""The tick of the delivery sensor, for deployments without `pedigree serve`."""

from functools import partial

import dagster as dg

from pedigree.dagster.sensors.tick_loops import skip_reason
from pedigree.errors import SecretKeyError
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.records import BackgroundWork
from pedigree.failures.store import failures
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry import Registry, registry_in

# A tick has one minute; a delivery that is in progress after this time is still completed.
_SECONDS = 30.0
_WORKS = (BackgroundWork.DELIVERY, BackgroundWork.SINKS, BackgroundWork.WEBHOOKS)
_SHOWN = 5


def deliver(context: dg.SensorEvaluationContext, registry: Registry) -> dg.SensorResult:
    """Deliver pending events to webhooks and sinks; other processes may do so concurrently.

    The registry stores the position, not the cursor.

    Args:
        context: The tick's context.
        registry: The registry.
    """
    registry = registry_in(registry.context.in_role(DatabaseRole.SENSOR))
    webhooks, loop = (
        registry.operations.webhooks,
        MemberLoop(registry.database, BackgroundWork.DELIVERY),
    )
    sent = loop.attempt("all sinks", partial(webhooks.feed_sinks, seconds=_SECONDS / 2)).value
    try:
        tries = webhooks.deliver(seconds=_SECONDS / 2)
    except SecretKeyError as error:
        message = str(error)
    else:
        message = f"{tries} webhook delivery attempts"
    if sent:
        message = f"{sent} events sent to sinks; {message}"
        context.log.info(message)
    failing = registry.database.read(partial(failures, works=_WORKS, limit=_SHOWN))
    notes = [f"{each.member}: {each.problem}" for each in failing]
    return dg.SensorResult(skip_reason=skip_reason(notes, message))
