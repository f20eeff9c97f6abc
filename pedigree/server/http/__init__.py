"""What every protocol of the service shares: authentication, errors, ETags, idempotency, streams.

Resources and URL prefixes do not belong here, but to the folder of their protocol.
"""
