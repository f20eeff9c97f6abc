"""Where MLflow's clients download a version: at the service, or where the version says it is."""

import dataclasses
from typing import TypedDict

from pedigree.access.records import Permission
from pedigree.catalog.records import SealState
from pedigree.errors import NotSealedError
from pedigree.postgres.pipe_statements import TextRow
from pedigree.registry.artifact_places import ArtifactPlace
from pedigree.server.http.auth import requires
from pedigree.server.mlflow import rules
from pedigree.server.mlflow.artifact_urls import artifact_url
from pedigree.server.mlflow.fields import MlflowRequest, optional
from pedigree.server.mlflow.reads import AskedVersions, require_some, shown_on_loop
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes

routes = MlflowRoutes()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DownloadedVersion(MlflowRequest):
    """A request about the files of a version; MLflow declares no field of it as required."""

    name: str = optional("", rule=rules.model_name, checked=False)
    version: str = optional("", rule=rules.version_number, checked=False)


class DownloadUri(TypedDict):
    """Where the files of a version are."""

    artifact_uri: str


@routes.get("model-versions/get-download-uri")
@requires(Permission.READ, model_in_body=True)
async def get_download_uri(call: MlflowCall, asked: DownloadedVersion) -> DownloadUri:
    """Return where the files of a version are: at the service, if the registry has them."""
    wanted = AskedVersions(asked.name, version=int(asked.version))
    rows = await shown_on_loop(call, wanted)
    require_some(rows, wanted)
    row = rows[0]
    state = SealState(row["state"] or "")
    if state is SealState.SEALED:
        settings = call.registry.settings
        return {"artifact_uri": artifact_url(call.request, settings, _place(row))}
    if state is SealState.REFERENCE:
        return {"artifact_uri": row["location"] or row["source"] or ""}
    raise NotSealedError(
        f"the version is {state}",
        field="version",
        value=asked.version,
        remedy="Wait until it is READY, or register it again",
    )


def _place(row: TextRow) -> ArtifactPlace:
    return ArtifactPlace(int(row["model_id"] or 0), int(row["version"] or 0))
