"""Benchmarks for the goals in docs/performance.md; run ``python -m benchmarks.<name>``."""
