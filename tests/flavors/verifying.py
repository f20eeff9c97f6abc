"""Verification of many models in one new process, one after the other."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pedigree.errors import UnsupportedModelError, UnverifiedModelError
from pedigree.flavors import verification
from pedigree.flavors._answers import Leaf
from pedigree.flavors._new_process import ANSWER, REQUEST, SAMPLE, folder_digest
from pedigree.flavors._process_start import search_path
from pedigree.flavors.plugins import get_flavor, save_model
from tests.flavors.zoo import Member

_ALL = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pathlib import Path
from pedigree.flavors._new_process import REQUEST, answer
for request in sorted(Path(sys.argv[2]).glob("*/" + REQUEST)):
    answer(str(request.parent))
"""


class Seen(NamedTuple):
    """The result for one member: its status, its digest, and a digest of its outputs."""

    member: Member
    status: str
    why: str
    digest: str
    answers: str | None


class _Waiting(NamedTuple):
    member: Member
    place: Path
    model: object
    sample: object
    own: list[list[Leaf]]
    digest: str


def verify_all(members: Iterable[Member], seed: int, folder: Path) -> list[Seen]:
    """Save members, load and call all of them in one new process, and compare."""
    seen: list[Seen] = []
    waiting: list[_Waiting] = []
    for index, member in enumerate(members):
        prepared = _prepared(member, seed, folder / f"{index:03}")
        if isinstance(prepared, Seen):
            seen.append(prepared)
        else:
            waiting.append(prepared)
    path = json.dumps(search_path())
    subprocess.run(
        [sys.executable, "-P", "-c", _ALL, path, str(folder)],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return seen + [_seen(each) for each in waiting]


def _prepared(member: Member, seed: int, place: Path) -> Seen | _Waiting:
    place.mkdir(parents=True)
    model, sample = member.make(seed)
    flavor = get_flavor(member.flavor)
    try:
        files = save_model(model, member.flavor, place / "model")
    except UnsupportedModelError as error:
        return Seen(member, "unsupported", error.message, "", None)
    digest = folder_digest(files)
    if sample is None:
        return Seen(member, "not possible", "no sample was given", digest, None)
    try:
        own = [verification._answer(flavor, model, sample) for _ in range(2)]
        (place / SAMPLE).write_bytes(verification._pickled(flavor, model, sample))
    except verification._ImpossibleError as error:
        return Seen(member, "not possible", str(error), digest, None)
    request = {"flavor": member.flavor, "files": str(files), "digest": digest}
    (place / REQUEST).write_text(json.dumps(request))
    return _Waiting(member, place, model, sample, own, digest)


def _seen(waiting: _Waiting) -> Seen:
    member, place, model, sample, own, digest = waiting
    result = json.loads((place / ANSWER).read_text())
    if "leaves" not in result:
        status = "not possible" if "impossible" in result else "refused"
        return Seen(member, status, next(iter(result.values())), digest, None)
    found = [Leaf.from_json(leaf) for leaf in result["leaves"]]
    compared = verification._compared(get_flavor(member.flavor), model, sample, own, found)
    answers = hashlib.sha256(json.dumps(result["leaves"]).encode()).hexdigest()
    if compared.difference:
        error: UnverifiedModelError = verification._differs(compared.difference, compared.spread)
        return Seen(member, "refused", error.message, digest, answers)
    return Seen(member, "verified", verification._comparison(compared) or "", digest, answers)
