"""How a version did on its evaluation data, for each group of it."""
