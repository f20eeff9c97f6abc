"""Pictures of a page: SVG with classes alone; colors belong in the stylesheet."""
