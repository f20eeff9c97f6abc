"""A process that uses the embedded server: it reads SQL statements and writes rows, by line."""

import json
import sys
from pathlib import Path

from pedigree.errors import PedigreeError
from pedigree.postgres import Database, EmbeddedPostgres


def main() -> None:
    options = json.loads(sys.argv[2])
    server = EmbeddedPostgres(
        Path(sys.argv[1]), grace_s=options["grace_s"], settings=options["settings"]
    )
    with Database.embedded(server, options["database"]) as database:
        for line in sys.stdin:
            try:
                answer = database.transaction(
                    lambda connection, sql=line: connection.execute(sql).fetchone()
                )
            except PedigreeError as error:
                answer = {"error": type(error).__name__, "text": str(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
