"""Check texts: ``python -m tools.plain_english docs code``. The exit code is 1 on findings."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tools.plain_english.prose import documentation
from tools.plain_english.texts import Text, findings


def shown_texts(root: Path) -> Iterator[Text]:
    """Yield every text that the package shows to users."""
    from tools.plain_english import code  # noqa: PLC0415 (it imports the package and the service)

    return code.shown_texts(root)


PARTS: Mapping[str, Callable[[Path], Iterator[Text]]] = {"docs": documentation, "code": shown_texts}


def main() -> int:
    """Print the findings in the parts that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.plain_english", description=__doc__)
    parser.add_argument("parts", nargs="+", choices=PARTS, help="what to check")
    named = parser.parse_args().parts
    found = sorted({line for part in named for line in findings(PARTS[part](Path()))})
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
