"""What is known of the data that models are made from: datasheets, and verdicts on its states.

Which version used the data belongs to `lineage`.
"""
