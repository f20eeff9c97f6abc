"""Search over versions: a boolean grammar, parsed by a library, translated to parameters.

What a version's fields mean belongs to `catalog`.
"""
