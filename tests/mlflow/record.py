"""Record what MLflow's server answers to the requests by hand: `python -m tests.mlflow.record`."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.mlflow.by_hand import requests_by_hand
from tests.mlflow.normal import normal
from tests.mlflow.sides import Sent, Side, real_server

RECORDED = Path(__file__).with_name("recorded.jsonl")


def recorded() -> Iterator[tuple[Sent, Any]]:
    """Yield each request with the answer of MLflow's server."""
    with RECORDED.open() as lines:
        for line in lines:
            fields, answer = json.loads(line)
            for name in ("query", "headers"):
                fields[name] = tuple(tuple(pair) for pair in fields[name])
            yield Sent(**fields), answer


def shown(answer: dict[str, Any], sent: Sent) -> Any:
    """Return an answer as it is recorded and compared: of a page of HTML only its status."""
    if answer["type"] == "text/html" and answer["status"] >= 400:
        answer = {**answer, "answer": None}
    return normal(answer, sent.route)


def main() -> None:
    """Start MLflow's server, and write its answers."""
    with tempfile.TemporaryDirectory() as folder, real_server(Path(folder)) as url:
        side = Side(url, None)
        with RECORDED.open("w") as lines:
            for sent in requests_by_hand():
                pair = [sent._asdict(), shown(side.send(sent), sent)]
                lines.write(json.dumps(pair, separators=(",", ":"), ensure_ascii=False) + "\n")
        side.close()


if __name__ == "__main__":
    main()
