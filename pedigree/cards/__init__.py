"""Model cards: rendered from the records, with notes that people add.

The records themselves belong in their subjects' folders.
"""
