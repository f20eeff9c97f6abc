"""Trainers that Dagster Pipes launches as separate processes.

Usage: python trainer.py HOW FOLDER [URL]
"""

import sys
from pathlib import Path

from dagster_pipes import PipesContext, open_dagster_pipes

PORT = {"kind": "column", "name": "level", "type": "double"}
SIGNATURE = {"inputs": [PORT], "outputs": [PORT]}


def main(how: str, folder: Path, url: str | None = None) -> None:
    with open_dagster_pipes() as pipes:
        (folder / "weights").write_text("trained elsewhere")
        if how == "by_hand":
            by_hand(pipes, folder)
        elif how == "with_pedigree":
            with_pedigree(pipes, folder, url)
        elif how == "twice":
            for _ in range(2):
                pipes.report_custom_message({"pedigree/trained": {"path": str(folder)}})
        elif how == "wrong":
            pipes.report_custom_message({"pedigree/trained": {"path": "weights"}})
        elif how == "deep":
            value: object = 1
            for _ in range(300):
                value = [value]
            pipes.report_custom_message({"pedigree/trained": {"params": {"a": value}}})


def by_hand(pipes: PipesContext, folder: Path) -> None:
    pipes.report_asset_materialization(metadata={"cluster": "spark-7"})
    pipes.report_custom_message(
        {
            "pedigree/trained": {
                "path": str(folder / "weights"),
                "metrics": {"accuracy": 0.9},
                "params": {"country": pipes.get_extra("country")},
                "signature": SIGNATURE,
            }
        }
    )
    assert "pedigree" not in sys.modules


def with_pedigree(pipes: PipesContext, folder: Path, url: str | None) -> None:
    from pedigree.dagster import report_model
    from pedigree.signatures.records import Signature

    signature = Signature.model_validate(SIGNATURE)
    report_model(pipes, folder, upload_to=url, signature=signature, metrics={"accuracy": 0.9})
    assert "dagster" not in sys.modules


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
