"""Reading of untrusted files: bounded decompression and documents, and confined child processes.

Everything that decompresses or parses such a file goes through this folder. Which formats there
are, and what their content means, belongs to the flavors and to the artifacts.
"""
