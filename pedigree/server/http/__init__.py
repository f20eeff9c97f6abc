"""What every protocol of the service shares: authentication, errors, ETags, idempotency, streams.

Nothing here knows a resource or a URL prefix.
"""
