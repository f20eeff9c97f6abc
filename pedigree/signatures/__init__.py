"""Typed inputs and outputs of models: inference, and changes that break callers."""
