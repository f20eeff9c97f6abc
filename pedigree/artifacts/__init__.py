"""Files by digest: stored, verified, pulled and collected, never half.

What the files are belongs to `flavors`, which version has them to `catalog`.
"""
