"""Files by digest: stored, verified, pulled and collected, always complete.

The meaning of the files belongs to `flavors`, their versions to `catalog`.
"""
