"""``python -m tools.web_pictures``: take the pictures of docs/web.md of the demo's registry.

It runs the demo in a folder of its own, lets people ask for a stage and decide, serves the page,
and writes the pictures to ``docs/images/web``. ``--demo HOME`` takes the registry of a demo that
has run already, and changes it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.web_pictures.camera import Picture, camera, take
from tools.web_pictures.story import CHURN, tell

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "images" / "web"
_OWN_HOME = ROOT / ".pedigree" / "pictures"

PICTURES = (
    Picture("models", "/", "desk"),
    Picture("models", "/", "phone"),
    Picture("model", f"/models/{CHURN}", "desk"),
    Picture("version", f"/models/{CHURN}/versions/2", "desk"),
    Picture("review", "/approvals/{request}", "desk"),
    Picture("review", "/approvals/{request}", "phone"),
)
"""The pictures, each in light and dark. The number of the request is filled in."""


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures; return 0 if all were written."""
    parser = argparse.ArgumentParser(prog="python -m tools.web_pictures", description=__doc__)
    parser.add_argument("--demo", type=Path, metavar="HOME", help="a demo that has run already")
    home: Path | None = parser.parse_args(arguments).demo
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("Chromium is needed: install Debian's package chromium\n")
        return 1
    if home is None:
        home = _OWN_HOME
        environment = {**os.environ, "PEDIGREE_HOME": str(home)}
        subprocess.run([sys.executable, "-m", "demo"], check=True, cwd=ROOT, env=environment)
    _take_all(home.absolute(), chromium)
    return 0


def _take_all(home: Path, chromium: str) -> None:
    from pedigree.registry import Registry  # noqa: PLC0415 -- not for a machine without Chromium
    from pedigree.settings import Settings  # noqa: PLC0415

    settings = Settings(home=home, actor="operator")
    with Registry.connect(settings=settings) as registry:
        secret = tell(registry)
        (request,) = registry.stage_requests(CHURN)
        shown = tuple(
            Picture(each.name, each.path.format(request=request.request_id), each.size)
            for each in PICTURES
        )
        with _served(settings) as url, camera(chromium) as browser:
            take(browser, url, secret, shown, FOLDER)


@contextmanager
def _served(settings: object) -> Iterator[str]:
    """Serve the page from a thread, and yield its address."""
    import uvicorn  # noqa: PLC0415

    from pedigree.server.app import create_app  # noqa: PLC0415
    from pedigree.server.serve import PROTOCOL  # noqa: PLC0415

    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, **PROTOCOL))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the service did not start")
        thread.join(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
