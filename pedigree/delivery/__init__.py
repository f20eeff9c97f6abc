"""Delivery of events to webhooks and sinks, at least once and in order per model.

The events themselves belong to `audit`.
"""
