"""The pages of ``docs/reference/``, written from the code that they describe.

``python -m tools.reference`` writes them; a test keeps the committed pages equal to the code.
"""

FOLDER = "docs/reference"
