"""The list of commands, from which `pedigree --help` is printed, equals that of the modules."""

import subprocess
import sys
from pathlib import Path

from pedigree.cli import _commands
from tests.documents import assert_current

FOLDER = Path(_commands.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if "\ndef add_to(" in path.read_text())


def test_the_list_of_commands_equals_the_commands_of_the_modules() -> None:
    brought = {
        name: (module, command)
        for module in MODULES
        for name, command in _commands.load(module).items()
    }
    assert set(_commands.listed()) == set(brought)
    lines = [
        "\t".join((name, module, command.rich_help_panel, summary(command.help))) + "\n"
        for name, (module, command) in ((name, brought[name]) for name in _commands.listed())
    ]
    assert_current("pedigree/cli/commands.tsv", "".join(lines))


def summary(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


def test_help_loads_no_command_and_garbage_is_collected_afterwards() -> None:
    code = """
import gc, sys
from pedigree.cli.main import main

sys.argv[1:] = ["--help"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
assert gc.isenabled()
print(*(name for name in sys.modules if name.startswith("pedigree.cli.")), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("pedigree.cli.") for name in done.stderr.split()}
    assert "main" in loaded
    assert not loaded & set(MODULES)
