"""A check that user-facing texts are plain technical English.

``python -m tools.plain_english docs`` reads the documentation, ``… code`` reads the texts that the
package shows to users: help, field descriptions, the OpenAPI document and error messages.
Each finding has its place, the words, and what to write instead.
"""
