"""Tokens that OIDC providers sign: the file of providers, keys, verification and rules.

What decides who the bearer of such a token is belongs here. Requests belong in ``server``.
"""
