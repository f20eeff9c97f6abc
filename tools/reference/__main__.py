"""Write the reference: ``python -m tools.reference``."""

from pathlib import Path

from tools.reference import FOLDER
from tools.reference.pages import PAGES

for name, page in PAGES.items():
    Path(FOLDER, name).write_text(page(), encoding="utf-8")
