"""Programs that the project itself needs: what writes its reference, and what checks its texts.

What users run belongs to ``pedigree/``, what measures belongs to ``benchmarks/``.
"""
