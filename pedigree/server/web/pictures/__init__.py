"""Pictures of a page: SVG with classes alone, so that the stylesheet gives their colors."""
