"""Which number a version has here where MLflow begins with 1 again: at a name that is had again."""

import re
from collections.abc import Mapping
from typing import Any

from tests.mlflow.sides import Call, Sent

_PREFIX = re.compile(r"^/(ajax-)?api/2\.0/mlflow/")
_NAMED = re.compile(r"\(name=(?P<name>[^,]*), version=(?P<version>\d+)\)")


class NumbersThatGoOn:
    """The numbers of our versions, by the rule of `docs/mlflow.md`, from the answers of MLflow.

    The first version of a model is the one after the highest number that its name ever had. A
    service that breaks the rule is asked for other versions than MLflow, and so it differs.
    """

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        """How many numbers the present model of a name leaves out."""
        self._highest: dict[str, int] = {}

    def asked(self, step: Sent | Call) -> Sent | Call:
        """Return a step with our numbers."""
        if isinstance(step, Call):
            return step._replace(arguments=self._shifted(step.arguments, 1))
        fields = self._shifted(dict(step.query), 1)
        query = tuple((name, fields[name]) for name, _ in step.query)
        body = self._shifted(step.body, 1) if isinstance(step.body, dict) else step.body
        return step._replace(query=query if len(fields) == len(query) else step.query, body=body)

    def answered(self, answer: Any) -> Any:
        """Return one of our answers with MLflow's numbers."""
        return self._shifted(answer, -1)

    def note(self, path: str, body: Any, answer: Mapping[str, Any]) -> None:
        """Follow a request that MLflow answered."""
        if answer["status"] != 200 or not isinstance(body, dict):
            return
        name = body.get("name", "")
        match _PREFIX.sub("", path):
            case "registered-models/create":
                self._before[name] = self._highest.setdefault(name, 0)
            case "registered-models/rename":
                new = body["new_name"]
                self._before[new] = self._before.pop(name)
                self._highest[new] = max(self._highest.get(new, 0), self._highest[name])
            case "model-versions/create":
                made = int(answer["answer"]["model_version"]["version"]) + self._before[name]
                self._highest[name] = max(made, self._highest[name])

    def _shifted(self, value: Any, sign: int, name: str = "") -> Any:
        if isinstance(value, Mapping):
            name = value["name"] if isinstance(value.get("name"), str) else name
            return {
                key: self._number(each, name, sign)
                if key == "version"
                else self._shifted(each, sign, name)
                for key, each in value.items()
            }
        if isinstance(value, list):
            pairs = dict(value) if value and all(map(_is_pair, value)) else {}
            if "version" in pairs:
                return [list(pair) for pair in self._shifted(pairs, sign).items()]
            return [self._shifted(each, sign, name) for each in value]
        if isinstance(value, str) and sign < 0:
            return _NAMED.sub(self._in_message, value)
        return value

    def _number(self, value: Any, name: str, sign: int) -> Any:
        before = self._before.get(name, 0)
        if not before or not str(value).isascii() or not str(value).isdigit():
            return value
        return type(value)(int(value) + sign * before)

    def _in_message(self, found: re.Match[str]) -> str:
        number = self._number(found["version"], found["name"], -1)
        return f"(name={found['name']}, version={number})"


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
