"""The shared parts of every protocol: authentication, errors, ETags, idempotency, streams.

Resources and URL prefixes belong in the folder of their protocol.
"""
