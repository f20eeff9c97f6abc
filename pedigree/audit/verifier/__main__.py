"""``python -m verifier EXPORT --key KEY``: verify an export of an audit log."""

import argparse
import sys
from pathlib import Path

from .export import verify_export
from .hashes import UnverifiedLogError
from .notes import LogKey


def main() -> int:
    """Verify an export, print what was checked, and return 1 if something does not hold."""
    parser = argparse.ArgumentParser(prog="verifier", description="Verify an audit log.")
    parser.add_argument("export", type=Path, help="the folder of `pedigree audit export`")
    parser.add_argument("--key", action="append", required=True, help="a public key of the log")
    parser.add_argument("--anchors", type=Path, help="a folder with anchored checkpoints")
    given = parser.parse_args()
    try:
        report = verify_export(given.export, map(LogKey.parse, given.key), given.anchors)
    except (OSError, UnverifiedLogError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.writelines(f"{line}\n" for line in report.lines())
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
