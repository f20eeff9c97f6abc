"""A witness for the logs of others (https://c2sp.org/tlog-witness): state, judgement and server.

It needs no database: one file keeps its key and what it cosigned.
"""
