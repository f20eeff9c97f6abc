"""Who acts, and what they may do: principals, roles and tokens.

How a request proves who sends it belongs to `server.http`.
"""
