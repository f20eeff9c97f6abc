"""Requests to hosts that somebody else named: webhooks, issuers of tokens.

Every connection to such a host belongs here: it reaches public addresses and allowed networks only.
"""
