"""The body that has a JSON document and small files: what service and client agree on."""

DOCUMENT = "registration"
"""The name of the part with the document; the name of any other part is the file's digest."""

MOST_FILES = 10_000
"""The most files that a list of files has."""

MOST_SENT_BYTES = 4 << 20
"""The most bytes that the files of a body have together."""
