"""Every change as an append-only event, in one order.

The change itself belongs to its subject, which records it through the log here.
"""
