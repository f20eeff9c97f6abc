"""Model cards: what the records know, and what people add."""
