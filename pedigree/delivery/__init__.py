"""Events for others: webhooks and sinks, at least once and in the order of each model.

Which events there are belongs to `audit`.
"""
