"""The audit log: every change as an append-only event, in one order.

The change itself belongs in its subject's folder, which records it through this log.
"""
