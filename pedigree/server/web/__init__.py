"""Here belongs the web page: server-rendered pages over verbs, one module a subject.

A page is a plain function of a :class:`~pedigree.server.web.visits.Visit`, and declares its
permission as the routes of the API do. It needs no JavaScript. What a page reads belongs in the
verbs of the registry, and how a value is said in ``words.py``.
"""
