"""Garbage collection: plan what may go or move, and do exactly that."""
