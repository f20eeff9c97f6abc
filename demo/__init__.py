"""The main workflow, end to end, on real data: ``python -m demo`` (or ``make demo``)."""
