"""Measurements of what docs/performance.md promises; run ``python -m benchmarks.<name>``."""
