import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pedigree.errors import MissingDependencyError, UnknownFlavorError
from pedigree.flavors import plugins
from pedigree.flavors.generic import GenericFlavor
from pedigree.flavors.plugins import Flavor, flavor_names, get_flavor
from pedigree.libraries import library


@pytest.fixture
def broken_plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    plugin = EntryPoint("broken", "a_module_that_is_not_there:Broken", plugins.GROUP)
    monkeypatch.setattr(plugins, "_installed", lambda: {"broken": plugin})
    get_flavor.cache_clear()
    yield "broken"
    get_flavor.cache_clear()


def test_the_flavors_of_this_package_are_installed() -> None:
    assert {"generic", "sklearn"} <= set(flavor_names())
    for name in flavor_names():
        flavor = get_flavor(name)
        assert isinstance(flavor, Flavor)
        assert flavor.name == name


def test_a_flavor_is_found_by_its_name() -> None:
    assert isinstance(get_flavor("generic"), GenericFlavor)


@pytest.mark.parametrize("name", ["", "SKLEARN", "pickle"])
def test_an_unknown_flavor_is_refused_with_the_installed_ones(name: str) -> None:
    with pytest.raises(UnknownFlavorError, match=r"Use one of: generic, .*sklearn") as refused:
        get_flavor(name)
    assert refused.value.field == "flavor"
    assert refused.value.value == name


def test_a_missing_library_names_the_extra() -> None:
    with pytest.raises(
        MissingDependencyError, match=r"pip install 'pedigree-registry\[sklearn\]'"
    ) as found:
        library("a_library_that_is_not_there.io", extra="sklearn")
    assert "a_library_that_is_not_there is not installed" in str(found.value)


def test_the_error_of_a_broken_plug_in_names_what_it_lacks(broken_plugin: str) -> None:
    with pytest.raises(MissingDependencyError, match="a_module_that_is_not_there"):
        get_flavor(broken_plugin)


def test_the_flavor_is_found_without_scikit_learn_and_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['skops'] = sys.modules['sklearn'] = None\n"
        "from pathlib import Path\n"
        "from pedigree.errors import MissingDependencyError\n"
        "from pedigree.flavors.plugins import get_flavor\n"
        "try: get_flavor('sklearn').load(Path('.'))\n"
        "except MissingDependencyError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "pip install 'pedigree-registry[sklearn]'" in done.stdout
