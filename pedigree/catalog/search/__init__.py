"""Search over versions: a boolean grammar, parsed by a library, translated to parameters.

The meaning of a version's fields belongs to `catalog`.
"""
