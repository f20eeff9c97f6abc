"""A script of calls of the stock client: the whole life of models, versions, aliases and stages."""

from collections.abc import Iterator
from typing import Any

from tests.mlflow.sides import Call

STAGES = ("None", "Staging", "Production", "Archived")


def script() -> Iterator[Call]:
    """Yield the calls of all parts."""
    yield from _models()
    yield from _versions()
    yield from _stages()
    yield from _aliases()
    yield from _tags()
    yield from _searches()
    yield from _deletions()
    yield from _names_again()


def load_path(run_id: str, model_id: str) -> Iterator[Call]:
    """Yield the calls that register a logged model by both of its names, and load it by all."""
    yield call("create_registered_model", name="loaded")
    for uri in (f"runs:/{run_id}/model", f"models:/{model_id}"):
        yield call("register_model", model_uri=uri, name="loaded")
    yield call("set_registered_model_alias", name="loaded", alias="champion", version="1")
    yield call("transition_model_version_stage", name="loaded", version="2", stage="Production")
    yield call("copy_model_version", src_model_uri="models:/loaded@champion", dst_name="copy")
    for uri in ("loaded/1", "loaded/2", "loaded@champion", "loaded/Production", "loaded/latest"):
        yield call("predicted", uri=f"models:/{uri}")
    yield call("predicted", uri="models:/copy/1")
    for uri in ("loaded/9", "loaded@nobody", "loaded/Staging", "nothing/1"):
        yield call("predicted", uri=f"models:/{uri}")
    for name, number in (("loaded", "1"), ("loaded", "2"), ("copy", "1")):
        yield call("get_model_version", name=name, version=number)
        yield call("get_model_version_download_uri", name=name, version=number)


def call(name: str, /, **arguments: Any) -> Call:
    """Return a call."""
    return Call(name, arguments)


def version(name: str, source: str, **more: Any) -> Call:
    """Return a call that creates a version."""
    return call("create_model_version", name=name, source=source, await_creation_for=0, **more)


def _models() -> Iterator[Call]:
    for name in ("plain", "with space", "dots.and-dashes_1", "Ünïcode", "x" * 250):
        yield call("create_registered_model", name=name)
        yield call("get_registered_model", name=name)
        yield call("create_registered_model", name=name)
    yield call("create_registered_model", name="described", description="a text", tags={"a": "1"})
    yield call("create_registered_model", name="tagged", tags={"a": "1", "b/c": "", "d": "é"})
    for name in ("a/b", "a:b", "", "   ", "../up", "."):
        yield call("create_registered_model", name=name)
        yield call("get_registered_model", name=name)
    yield call("get_registered_model", name="nowhere")
    for text in ("first", "", "second " * 50):
        yield call("update_registered_model", name="plain", description=text)
        yield call("get_registered_model", name="plain")
    yield call("update_registered_model", name="nowhere", description="x")
    yield call("rename_registered_model", name="plain", new_name="renamed")
    yield call("get_registered_model", name="plain")
    yield call("get_registered_model", name="renamed")
    yield call("rename_registered_model", name="renamed", new_name="a/b")
    yield call("rename_registered_model", name="nowhere", new_name="elsewhere")
    yield call("rename_registered_model", name="renamed", new_name="plain")


def _versions() -> Iterator[Call]:
    yield call("create_registered_model", name="churn")
    for number in range(1, 6):
        yield version("churn", f"s3://bucket/churn/{number}", description=f"version {number}")
        yield call("get_model_version", name="churn", version=str(number))
        yield call("get_model_version_download_uri", name="churn", version=str(number))
        yield call("get_registered_model", name="churn")
    yield version("churn", "s3://bucket/churn/5")
    yield version("churn", "s3://bucket/churn/5", tags={"k": "v", "empty": ""})
    yield version("churn", "https://example.com/model", run_link="http://runs/7")
    yield version("nowhere", "s3://bucket/x")
    yield version("a/b", "s3://bucket/x")
    for source in ("", "s3://bucket/../x", "s3://bucket/%2e%2e/x", "/etc", "file:///etc", "./x"):
        yield version("churn", source)
    for source in ("runs:/" + "a" * 32 + "/model", "models:/m-1234", "models:/nowhere/1"):
        yield version("churn", source)
    for number in ("0", "-1", "99", "abc", "1.5", ""):
        yield call("get_model_version", name="churn", version=number)
        yield call("get_model_version_download_uri", name="churn", version=number)
        yield call("update_model_version", name="churn", version=number, description="x")
    for text in ("new", "", "long " * 100):
        yield call("update_model_version", name="churn", version="1", description=text)
        yield call("get_model_version", name="churn", version="1")
    yield call("create_registered_model", name="copied")
    yield call(
        "create_model_version", name="copied", source="models:/churn/2", await_creation_for=0
    )
    yield call("get_model_version_download_uri", name="copied", version="1")


def _stages() -> Iterator[Call]:
    yield call("create_registered_model", name="staged")
    for number in range(1, 5):
        yield version("staged", f"s3://bucket/staged/{number}")
    for start in STAGES:
        for end in STAGES:
            for stage in (start, end):
                yield _transition("1", stage)
    for number, stage in (("2", "production"), ("3", "PRODUCTION"), ("4", "Staging")):
        yield _transition(number, stage)
        yield call("get_latest_versions", name="staged")
        yield call("get_registered_model", name="staged")
    yield call("get_latest_versions", name="staged", stages=["Production"])
    yield call("get_latest_versions", name="staged", stages=["Staging", "None"])
    yield call("get_latest_versions", name="staged", stages=["Nothing"])
    yield call("get_latest_versions", name="nowhere")
    yield _transition("1", "Production", archive=True)
    yield call("get_latest_versions", name="staged")
    for number in range(1, 5):
        yield call("get_model_version", name="staged", version=str(number))
    yield _transition("1", "Archived", archive=True)
    yield _transition("1", "None", archive=True)
    yield _transition("9", "Production")
    yield _transition("1", "Nothing")
    yield _transition("x", "Production")
    yield call("get_model_version_stages", name="staged", version="1")
    for order in ("version_number ASC", "version_number DESC", "name", "creation_timestamp"):
        for text in ("name = 'staged'", "name = 'staged' AND version_number > 2"):
            yield call("search_model_versions", filter_string=text, order_by=[order], max_results=3)


def _transition(number: str, stage: str, *, archive: bool = False) -> Call:
    return call(
        "transition_model_version_stage",
        name="staged",
        version=number,
        stage=stage,
        archive_existing_versions=archive,
    )


def _aliases() -> Iterator[Call]:
    for alias in ("champion", "challenger", "a-b_c", "x" * 255):
        for number in ("1", "2"):
            yield call("set_registered_model_alias", name="churn", alias=alias, version=number)
            yield call("get_model_version_by_alias", name="churn", alias=alias)
    yield call("get_model_version", name="churn", version="2")
    for alias in ("a b", "a/b", "", "latest", "Latest", "v1", "V22", "x" * 256):
        yield call("set_registered_model_alias", name="churn", alias=alias, version="1")
        yield call("get_model_version_by_alias", name="churn", alias=alias)
        yield call("delete_registered_model_alias", name="churn", alias=alias)
    yield call("set_registered_model_alias", name="churn", alias="lost", version="99")
    yield call("set_registered_model_alias", name="nowhere", alias="lost", version="1")
    yield call("get_model_version_by_alias", name="nowhere", alias="lost")
    for name in ("churn", "nowhere"):
        yield call("delete_registered_model_alias", name=name, alias="challenger")
    yield call("get_registered_model", name="churn")


def _tags() -> Iterator[Call]:
    values = ("1", "", "é", "long " * 900)
    for key, value in zip(("a", "b/c", "d e", "f.g:h"), values, strict=True):
        yield call("set_registered_model_tag", name="churn", key=key, value=value)
        yield call("set_model_version_tag", name="churn", version="1", key=key, value=value)
        yield call("get_model_version", name="churn", version="1")
    for key in ("a*b", "k" * 251, "", "../a", "./a"):
        yield call("set_registered_model_tag", name="churn", key=key, value="x")
        yield call("set_model_version_tag", name="churn", version="1", key=key, value="x")
    yield call("set_model_version_tag", name="churn", version="99", key="a", value="x")
    yield call("set_registered_model_tag", name="nowhere", key="a", value="x")
    for key in ("a", "a", "never"):
        yield call("delete_registered_model_tag", name="churn", key=key)
        yield call("delete_model_version_tag", name="churn", version="1", key=key)
    yield call("delete_model_version_tag", name="churn", version="99", key="a")
    yield call("get_registered_model", name="churn")


def _searches() -> Iterator[Call]:
    filters = ("", "name = 'churn'", "name LIKE 'c%'", "name ILIKE 'C%'", "tags.a = '1'", "nope")
    for text in filters:
        yield call("search_registered_models", filter_string=text)
        yield call("search_registered_models", filter_string=text, order_by=["name DESC"])
        yield call("search_model_versions", filter_string=text)
        yield call("search_model_versions", filter_string=text, order_by=["version_number ASC"])
    yield call("search_registered_models", max_results=2)
    yield call("search_model_versions", max_results=2)
    yield call("search_model_versions", filter_string="run_id = ''")
    yield call("search_model_versions", filter_string="version_number >= 3")


def _deletions() -> Iterator[Call]:
    yield call("delete_model_version", name="churn", version="5")
    yield call("get_model_version", name="churn", version="5")
    yield call("delete_model_version", name="churn", version="5")
    yield call("delete_model_version", name="churn", version="2")
    yield call("get_model_version_by_alias", name="churn", alias="champion")
    yield call("get_registered_model", name="churn")
    yield call("delete_model_version", name="churn", version="99")
    yield call("delete_model_version", name="staged", version="1")
    yield call("get_latest_versions", name="staged")
    yield version("churn", "s3://bucket/churn/after")
    for name in ("copied", "staged", "nowhere", "renamed"):
        yield call("delete_registered_model", name=name)
        yield call("get_registered_model", name=name)


def _names_again() -> Iterator[Call]:
    for _ in range(2):  # what is deleted, and had again
        yield call("create_registered_model", name="again")
        yield version("again", "s3://bucket/again")
        yield call("get_model_version", name="again", version="1")
        yield call("delete_registered_model", name="again")
    yield call("create_registered_model", name="own-name")
    yield version("own-name", "s3://bucket/own-name")
    yield call("rename_registered_model", name="own-name", new_name="own-name")
    yield call("delete_registered_model", name="own-name")
    # At the end, since the sides differ from then on.
    yield call("create_registered_model", name="had-before")
    yield version("had-before", "s3://bucket/first")
    yield call("delete_registered_model", name="had-before")
    yield call("create_registered_model", name="other")
    yield version("other", "s3://bucket/second")
    yield call("rename_registered_model", name="other", new_name="had-before")
