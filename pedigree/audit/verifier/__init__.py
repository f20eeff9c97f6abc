"""Verify an audit log with nothing but the standard library and ``cryptography``.

An auditor may copy this folder and run it alone::

    python -m verifier EXPORT --key KEY --anchors FOLDER

What belongs here imports nothing else of Pedigree. The rest of Pedigree uses it, too.
"""
