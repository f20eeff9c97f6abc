"""A witness for the logs of others (https://c2sp.org/tlog-witness): state, judgement and server.

What belongs here needs no database: one file keeps the key of the witness and what it cosigned.
"""
