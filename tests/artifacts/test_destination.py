"""A pull replaces only what a pull wrote, and its own names are no part of an artifact."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedigree.artifacts.assemble import list_files
from pedigree.artifacts.path_rules import PULL_FOLDER, PULL_RECORD, check_path
from pedigree.artifacts.paths import scan
from pedigree.artifacts.pull import pull
from pedigree.artifacts.records import Manifest, ManifestFile, digest_of
from pedigree.errors import FileConflictError, InvalidArtifactError, StoreUnavailableError
from pedigree.registry import Registry
from tests.artifacts.probes import contents
from tests.artifacts.publishing import SIGNATURE
from tests.factories import artifact, new_version

Files = Mapping[str, bytes]


class Memory:
    """A store whose keys are digests."""

    is_local = True

    def __init__(self, files: Files) -> None:
        self.objects = {digest_of(content): content for content in files.values()}

    def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        yield self.objects[key][start:]


def pull_files(files: Files, target: Path, *, force: bool = False) -> None:
    listed = tuple(
        ManifestFile(path=path, size=len(content), digest=digest_of(content))
        for path, content in files.items()
    )
    manifest = Manifest(flavor="generic", signature=SIGNATURE, files=listed)
    keys = {file.digest: file.digest for file in listed}
    pull(Memory(files), manifest, keys, target, force=force)


def write(folder: Path, files: Files) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


@pytest.mark.parametrize(
    ("present", "pulled"),
    [
        ({"model.bin": b"mine"}, {"model.bin": b"theirs", "other": b"x"}),
        ({".gitattributes": b"mine"}, {".gitattributes": b"theirs", "other": b"x"}),
        ({".git/config": b"mine"}, {".git/config": b"theirs", "other": b"x"}),
        # Nothing is replaced, but git would run it.
        ({".git/config": b"mine"}, {".git/hooks/post-checkout": b"theirs", "other": b"x"}),
        ({"sub/.venv/pyvenv.cfg": b"mine"}, {"sub/.venv/bin/python": b"theirs", "other": b"x"}),
    ],
)
def test_files_of_somebody_else_stay_unless_forced(
    present: Files, pulled: Files, tmp_path: Path
) -> None:
    write(tmp_path, present)
    path = next(iter(pulled))
    with pytest.raises(FileConflictError, match="--force") as caught:
        pull_files(pulled, tmp_path)
    assert path in str(caught.value)
    assert contents(tmp_path) == present, "nothing at all is written"
    pull_files(pulled, tmp_path, force=True)
    assert contents(tmp_path) == {**present, **pulled}


def test_a_work_tree_that_the_artifact_does_not_touch_is_no_obstacle(tmp_path: Path) -> None:
    there = {".git/config": b"mine", ".env": b"SECRET=1", "notes": b"mine"}
    write(tmp_path, there)
    pull_files({"model.bin": b"weights", ".config/x": b"1"}, tmp_path)
    pull_files({"model.bin": b"weights 2", ".config/y": b"2"}, tmp_path)
    assert contents(tmp_path) == {
        **there,
        **{"model.bin": b"weights 2", ".config/x": b"1", ".config/y": b"2"},
    }


def test_an_edited_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    pull_files({"config.json": b"{}", "model.bin": b"1"}, tmp_path)
    (tmp_path / "config.json").write_bytes(b'{"edited": true}')
    with pytest.raises(FileConflictError, match=r"config\.json"):
        pull_files({"config.json": b"{}", "model.bin": b"2"}, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == b"1"
    pull_files({"config.json": b"{}", "model.bin": b"2"}, tmp_path, force=True)
    assert contents(tmp_path) == {"config.json": b"{}", "model.bin": b"2"}


def test_a_file_that_appears_during_a_pull_is_not_replaced(tmp_path: Path) -> None:
    class Slow(Memory):
        def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
            (tmp_path / "model.bin").write_bytes(b"mine")
            yield from super().stream(key, start=start)

    file = ManifestFile(path="model.bin", size=7, digest=digest_of(b"weights"))
    manifest = Manifest(flavor="generic", signature=SIGNATURE, files=(file,))
    with pytest.raises(FileConflictError):
        pull(Slow({"": b"weights"}), manifest, {file.digest: file.digest}, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == b"mine"


def test_an_interrupted_pull_knows_what_it_wrote(tmp_path: Path) -> None:
    class Breaking(Memory):
        def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
            if self.objects[key] == b"b1":
                raise StoreUnavailableError("the network is down")
            yield from super().stream(key, start=start)

    first = {"a": b"a1", "b": b"b1"}
    files = tuple(
        ManifestFile(path=path, size=2, digest=digest_of(content))
        for path, content in first.items()
    )
    manifest = Manifest(flavor="generic", signature=SIGNATURE, files=files)
    with pytest.raises(StoreUnavailableError):
        pull(Breaking(first), manifest, {file.digest: file.digest for file in files}, tmp_path)
    second = {"a": b"a2", "b": b"b2"}
    pull_files(second, tmp_path)
    assert contents(tmp_path) == second


def test_the_record_does_not_grow_with_the_number_of_pulls(tmp_path: Path) -> None:
    for number in range(5):
        pull_files({"model.bin": str(number).encode()}, tmp_path)
    assert len((tmp_path / PULL_RECORD).read_text().splitlines()) == 1


def test_a_record_that_is_damaged_only_makes_pulls_careful(tmp_path: Path) -> None:
    pull_files({"model.bin": b"1"}, tmp_path)
    (tmp_path / PULL_RECORD).write_bytes(b"\xff\xfe nonsense\n\nsha256:0 model.bin\n")
    with pytest.raises(FileConflictError):
        pull_files({"model.bin": b"2"}, tmp_path)
    pull_files({"model.bin": b"2"}, tmp_path, force=True)
    pull_files({"model.bin": b"3"}, tmp_path)


def test_a_pulled_folder_can_be_registered_again(registry: Registry, tmp_path: Path) -> None:
    registry.register("churn", artifact(tmp_path / "model"), new_version())
    registry.pull("churn/1", tmp_path / "pulled")
    assert (tmp_path / "pulled" / PULL_RECORD).exists()
    again = registry.register("copy", tmp_path / "pulled", new_version())
    assert again.version.digest == registry.get("churn/1").digest


def test_a_folder_with_an_interrupted_pull_is_not_an_artifact(tmp_path: Path) -> None:
    write(tmp_path, {"model.bin": b"weights", f"{PULL_FOLDER}/00ff": b"half of it"})
    with pytest.raises(InvalidArtifactError, match="interrupted") as caught:
        scan(tmp_path)
    assert PULL_FOLDER in (caught.value.remedy or "")


RESERVED = (PULL_FOLDER, PULL_RECORD, ".pedigree", ".PEDIGREE-pull", ".pedigree-of-tomorrow")


@settings(derandomize=True, deadline=None)
@given(
    st.sampled_from(RESERVED),
    st.lists(st.sampled_from(["a", "b.c", ".hidden"]), max_size=3),
    st.lists(st.sampled_from(["a", "b.c", ".hidden"]), max_size=3),
)
def test_a_reserved_name_is_no_part_of_an_artifact(
    name: str, before: list[str], after: list[str]
) -> None:
    path = "/".join([*before, name, *after])
    with pytest.raises(InvalidArtifactError, match="reserved"):
        check_path(path)
    file = ManifestFile(path=path, size=1, digest=digest_of(b"x"))
    with pytest.raises(InvalidArtifactError, match="reserved"):
        list_files("generic", SIGNATURE, [file])


def test_the_home_folder_of_a_project_is_not_registered_with_it(tmp_path: Path) -> None:
    write(tmp_path, {"model.bin": b"weights", ".pedigree/postgres/PG_VERSION": b"17"})
    with pytest.raises(InvalidArtifactError, match="reserved"):
        scan(tmp_path)


def test_names_that_only_resemble_a_reserved_one_are_allowed() -> None:
    for path in ("pedigree", "x.pedigree", "model.pedigree-pull", ".pedigre"):
        assert check_path(path) == path


PATHS = ("model.bin", "sub/config", ".gitattributes", ".git/config", ".git/hooks/post-checkout")
files = st.dictionaries(
    st.sampled_from(PATHS), st.sampled_from([b"1", b"2", b"3"]), min_size=1, max_size=3
)
steps = st.lists(st.tuples(st.sampled_from(["edit", "pull", "force"]), files), max_size=6)


class Folder:
    """What must be in a destination, and what of it pulls wrote."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.pulled: dict[str, bytes] = {}

    def refuses(self, pulled: Files) -> bool:
        return any(
            self.content.get(path) != content and not (self._is_own(path) and self._may_enter(path))
            for path, content in pulled.items()
        )

    def _is_own(self, path: str) -> bool:
        return path not in self.content or self.content[path] == self.pulled.get(path)

    def _may_enter(self, path: str) -> bool:
        hidden = path.startswith(".git/")
        return not (hidden and self._has(".git/", self.content)) or self._has(".git/", self.pulled)

    def _has(self, folder: str, paths: Files) -> bool:
        return any(path.startswith(folder) for path in paths)

    def take(self, pulled: Files) -> None:
        changed = {path for path, content in pulled.items() if self.content.get(path) != content}
        known = changed | self.pulled.keys()
        self.content.update(pulled)
        self.pulled.update({path: pulled[path] for path in pulled if path in known})


@settings(derandomize=True, max_examples=60, deadline=None)
@given(steps)
def test_no_sequence_of_edits_and_pulls_loses_what_no_pull_wrote(
    taken: list[tuple[str, dict[str, bytes]]],
) -> None:
    expected = Folder()
    with tempfile.TemporaryDirectory() as name:
        target = Path(name)
        for step, given_files in taken:
            if step == "edit":
                write(target, given_files)
                expected.content.update(given_files)
            elif step == "pull" and expected.refuses(given_files):
                with pytest.raises(FileConflictError):
                    pull_files(given_files, target)
            else:
                pull_files(given_files, target, force=step == "force")
                expected.take(given_files)
            assert contents(target) == expected.content
