"""Typed inputs and outputs of models: how they are inferred, and which changes break callers."""
