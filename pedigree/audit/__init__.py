"""Every change as an append-only event, in one order."""
