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


def main() -> None:
    """Start MLflow's server, and write its answers."""
    with tempfile.TemporaryDirectory() as folder, real_server(Path(folder)) as url:
        side = Side(url, None)
        with RECORDED.open("w") as lines:
            for sent in requests_by_hand():
                pair = [sent._asdict(), normal(side.send(sent), sent.route)]
                lines.write(json.dumps(pair, separators=(",", ":"), ensure_ascii=False) + "\n")
        side.close()


if __name__ == "__main__":
    main()
