"""Model cards: drawn from the records, with notes that people add.

The records themselves belong to their subjects.
"""
