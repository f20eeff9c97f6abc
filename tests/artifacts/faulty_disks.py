"""Use a cache and a destination on disks that fail: ``unshare -rm python -m … FOLDER``.

Prints as JSON what each attempt came to: ``works``, or the name and the message of the error.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pedigree.artifacts.cache import BlobCache
from pedigree.artifacts.pull import link_from_cache, pull
from pedigree.artifacts.records import Manifest, ManifestFile, digest_of
from pedigree.errors import PedigreeError
from tests.artifacts.publishing import SIGNATURE

FILES = {"model.bin": b"w" * 400_000, "sub/other.bin": b"o" * 400_000}
LIMIT = 1 << 30


class Remote:
    """A store whose bytes are worth caching."""

    is_local = False

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        yield self._files[key][start:]


def manifest_and_keys(files: Mapping[str, bytes]) -> tuple[Manifest, dict[str, str]]:
    listed = tuple(
        ManifestFile(path=path, size=len(content), digest=digest_of(content))
        for path, content in files.items()
    )
    manifest = Manifest(flavor="generic", signature=SIGNATURE, files=listed)
    return manifest, {file.digest: file.path for file in listed}


def pulled(cache: Path, target: Path) -> None:
    """Pull through a cache."""
    manifest, keys = manifest_and_keys(FILES)
    pull(Remote(FILES), manifest, keys, target, cache=BlobCache(cache, LIMIT))
    assert {path: (target / path).read_bytes() for path in FILES} == FILES


def loaded(cache: Path) -> None:
    """Read the files of a version in the cache, as ``load`` and ``folder`` do."""
    load_files(BlobCache(cache, LIMIT), FILES)


def load_files(cache: BlobCache, files: Mapping[str, bytes]) -> None:
    """Do the same with other files."""
    manifest, keys = manifest_and_keys(files)
    with cache.artifact(manifest.digest) as folder:
        link_from_cache(Remote(files), manifest, keys, cache, folder)
        cache.hold(manifest.digest)
        assert {path: (folder / path).read_bytes() for path in files} == files
    cache.release()


def outcome(work: Callable[..., None], *arguments: Path) -> list[str]:
    """Return how some work ended; any other error than ours ends the program."""
    try:
        work(*arguments)
    except PedigreeError as error:
        return [type(error).__name__, str(error)]
    return ["works"]


def _mount(folder: Path, options: str, *, new: bool = True) -> Path:
    if new:
        folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)
    return folder


if __name__ == "__main__":
    base = Path(sys.argv[1])
    found = {}

    home = _mount(base / "read-only", "size=8m")
    loaded(home / "warm")
    pulled(home / "cold", home / "pulled")
    (home / "empty").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
    found["read-only, pull through an empty cache"] = outcome(pulled, home / "empty", base / "a")
    found["read-only, load from an empty cache"] = outcome(loaded, home / "empty")
    found["read-only, load from a full cache"] = outcome(loaded, home / "warm")
    found["read-only, pull through a full cache"] = outcome(pulled, home / "warm", base / "b")
    found["read-only, pull of what is there"] = outcome(pulled, home / "empty", home / "pulled")
    found["read-only, pull"] = outcome(pulled, home / "empty", home / "nowhere")

    small = _mount(base / "small", "size=512k")
    found["full, pull through the cache"] = outcome(pulled, small / "cache", base / "c")
    found["full, load"] = outcome(loaded, small / "cache")
    found["full, left"] = [str(path) for path in (small / "cache" / "partial").iterdir()]
    subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
    found["after more space, load"] = outcome(loaded, small / "cache")
    sys.stdout.write(json.dumps(found))
