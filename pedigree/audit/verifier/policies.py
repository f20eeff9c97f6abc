"""Which witnesses are known, and how many of them count: https://c2sp.org/tlog-policy.

::

    witness first first.example/w+1b2c3d4e+BAx… https://first.example
    witness second second.example/w+2c3d4e5f+BAz… https://second.example
    group both all first second
    quorum both
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from .cosignatures import WitnessKey
from .hashes import UnverifiedLogError
from .notes import LogKey

_NONE = "none"
# The format asks for at least 32; a note has room for 64 signatures.
_MOST = 32
_LONGEST = 64 << 10


class KnownWitness(NamedTuple):
    """A witness of a policy."""

    name: str
    """Its name within the policy."""
    key: WitnessKey
    url: str | None
    """Where it accepts checkpoints."""


class _Group(NamedTuple):
    needed: int
    members: tuple[str, ...]


@dataclass
class WitnessPolicy:
    """The keys of logs and witnesses, and the quorum of the witnesses."""

    logs: list[LogKey] = field(default_factory=list)
    witnesses: list[KnownWitness] = field(default_factory=list)
    quorum: str = ""
    _groups: dict[str, _Group] = field(default_factory=dict)
    _members: set[str] = field(default_factory=set)

    @classmethod
    def parse(cls, text: str) -> "WitnessPolicy":
        """Read a policy as it is written.

        Raises:
            UnverifiedLogError: It has another form; the message names the line.
        """
        policy = cls()
        if len(text) > _LONGEST:
            raise UnverifiedLogError(f"the policy has more than {_LONGEST:,} characters")
        for number, line in enumerate(text.split("\n"), 1):
            words = line.replace("\t", " ").split(" ")
            try:
                policy._read([word for word in words if word])
            except UnverifiedLogError as error:
                raise UnverifiedLogError(f"line {number} of the policy: {error}") from error
        if not policy.quorum:
            raise UnverifiedLogError("the policy has no line `quorum`")
        return policy

    @property
    def keys(self) -> tuple[WitnessKey, ...]:
        """The keys of all witnesses."""
        return tuple(each.key for each in self.witnesses)

    def is_met(self, keys: Collection[WitnessKey]) -> bool:
        """Return whether the cosignatures of these witnesses are enough."""
        names = {each.name for each in self.witnesses if each.key in keys}
        return self.quorum == _NONE or self._is_met(self.quorum, names)

    def _is_met(self, name: str, names: Collection[str]) -> bool:
        group = self._groups.get(name)
        if group is None:
            return name in names
        return sum(self._is_met(each, names) for each in group.members) >= group.needed

    def _read(self, words: list[str]) -> None:
        if not words or words[0].startswith("#"):
            return
        if any(letter < " " or letter == "\x7f" for word in words for letter in word):
            raise UnverifiedLogError("it has a control character")
        read = _READERS.get(words[0])
        if read is None:
            raise UnverifiedLogError(f"{words[0]!r} is not log, witness, group or quorum")
        read(self, words[1:])

    def _read_log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            _refuse("log KEY [URL]")
        key = LogKey.parse(words[0])
        if key.public in {each.public for each in self.logs}:
            raise UnverifiedLogError(f"the key of the log {key.name} is there twice")
        self.logs.append(key)
        _require_few(self.logs)

    def _read_witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            _refuse("witness NAME KEY [URL]")
        self._require_new(words[0])
        key, url = WitnessKey.parse(words[1]), words[2] if len(words) > 2 else None
        if key.public in {each.key.public for each in self.witnesses}:
            raise UnverifiedLogError(f"the key of the witness {words[0]!r} is there twice")
        self.witnesses.append(KnownWitness(words[0], key, url))
        _require_few(self.witnesses)

    def _read_group(self, words: list[str]) -> None:
        if len(words) < 3:
            _refuse("group NAME all|any|NUMBER NAME …")
        name, needed, members = words[0], words[1], tuple(words[2:])
        self._require_new(name)
        for member in members:
            self._require_defined(member)
            if member in self._members:
                raise UnverifiedLogError(f"{member!r} is the member of a group twice")
            self._members.add(member)
        numbers = {"all": len(members), "any": 1} | {
            str(number): number for number in range(1, len(members) + 1)
        }
        if needed not in numbers:
            raise UnverifiedLogError(
                f"{needed!r} is not all, any, or a number from 1 to {len(members)}"
            )
        self._groups[name] = _Group(numbers[needed], members)
        _require_few(self._groups)

    def _read_quorum(self, words: list[str]) -> None:
        if len(words) != 1:
            _refuse("quorum NAME")
        if self.quorum:
            raise UnverifiedLogError("there is a second quorum")
        if words[0] != _NONE:
            self._require_defined(words[0])
        self.quorum = words[0]

    def _is_defined(self, name: str) -> bool:
        return name in self._groups or any(name == each.name for each in self.witnesses)

    def _require_defined(self, name: str) -> None:
        if not self._is_defined(name):
            raise UnverifiedLogError(f"no line before defines {name!r}")

    def _require_new(self, name: str) -> None:
        if name == _NONE or self._is_defined(name):
            raise UnverifiedLogError(f"the name {name!r} is taken")


def _require_few(found: Collection[object]) -> None:
    if len(found) > _MOST:
        raise UnverifiedLogError(f"there are more than {_MOST}")


def _refuse(form: str) -> NoReturn:
    raise UnverifiedLogError(f"write it as `{form}`")


_READERS: Mapping[str, Callable[[WitnessPolicy, list[str]], None]] = {
    "log": WitnessPolicy._read_log,
    "witness": WitnessPolicy._read_witness,
    "group": WitnessPolicy._read_group,
    "quorum": WitnessPolicy._read_quorum,
}
