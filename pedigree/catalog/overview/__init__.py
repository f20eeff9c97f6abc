"""Here belongs the list of models: filtered by words and facets, sorted, in pages, with counts.

It reads nothing but ``pedigree.search_model``, which has one row a model; triggers keep it.
"""
