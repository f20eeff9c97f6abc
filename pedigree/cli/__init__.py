"""The command line: one module per subject, named as in the other folders, plus views.

A module is loaded when one of its commands is used; what only a run needs is loaded when it runs.
Each command has a line in ``commands.tsv``. Decisions belong to the registry.
Rules do not belong here: a command translates its options to one verb of the registry.
"""
