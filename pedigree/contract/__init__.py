"""What every registry does, by subject: its verbs, with their documentation, and its URL paths.

Work does not belong here, nor anything that needs a database driver: `registry` does the work in
this process, `client` asks a service for it.
"""
