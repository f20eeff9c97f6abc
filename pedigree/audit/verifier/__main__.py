"""``python -m verifier EXPORT --key KEY``: verify an export of an audit log."""

import argparse
import sys
from pathlib import Path

from .attestations import OutsideTrust
from .authorities import read_authorities
from .export import verify_export
from .hashes import UnverifiedLogError
from .notes import LogKey
from .policies import WitnessPolicy


def main() -> int:
    """Verify an export, print what was checked, and return 1 if something does not hold."""
    given = _parser().parse_args()
    try:
        policy = WitnessPolicy.parse(given.policy.read_text("utf-8")) if given.policy else None
        keys = [*map(LogKey.parse, given.key), *(policy.logs if policy else ())]
        if not keys:
            raise UnverifiedLogError("no public key of the log is given")
        authorities = read_authorities(given.authorities.read_bytes()) if given.authorities else ()
        trust = OutsideTrust(policy, authorities)
        report = verify_export(given.export, keys, given.anchors, trust, tables=not given.no_tables)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.writelines(f"{line}\n" for line in report.lines())
    return 0 if report.ok else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verifier", description="Verify an audit log.")
    parser.add_argument("export", type=Path, help="the folder of `pedigree audit export`")
    parser.add_argument("--key", action="append", default=[], help="a public key of the log")
    parser.add_argument("--anchors", type=Path, help="a folder with anchored checkpoints")
    parser.add_argument(
        "--policy", type=Path, help="a file with the keys of the log and of its witnesses"
    )
    parser.add_argument(
        "--authorities",
        type=Path,
        help="certificates (PEM) that certify authorities of time stamps",
    )
    parser.add_argument(
        "--no-tables", action="store_true", help="do not compare the tables with the events"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
