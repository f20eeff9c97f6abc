"""The pictures of the web page in the documentation: ``make pictures``."""
