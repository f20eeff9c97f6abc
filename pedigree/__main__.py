"""``python -m pedigree``: the command, also where another project's took its name."""

from pedigree.cli.main import main

if __name__ == "__main__":
    main()
