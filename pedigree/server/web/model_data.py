"""The data that a version of a model was trained on, with the datasheets of its assets."""

from typing import NamedTuple

from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.datasets.records import SECTIONS, KeptDatasheet
from pedigree.lifecycle.records import CHAMPION_STAGE
from pedigree.server.http.auth import requires
from pedigree.server.web.links import MODEL_DATA, number_in
from pedigree.server.web.routes import Pages
from pedigree.server.web.version_lineage import AssetUse, inputs_of, without_hidden
from pedigree.server.web.visits import Visit

pages = Pages()

MOST_ASSETS = 200
"""How many assets the page shows; it says how many there are beyond."""


class UsedAsset(NamedTuple):
    """An asset that a version was trained on, with its datasheet; None without one."""

    use: AssetUse
    sheet: KeptDatasheet | None


@pages.get(MODEL_DATA)
@requires(Permission.READ)
def model_data(visit: Visit, name: str) -> Response:
    """Show the data of a version: the one in production, else the latest, or the one asked for."""
    registry = visit.registry
    model = registry.model(name)
    typed = visit.query.get("version", "").strip()
    number = number_in(typed) if typed else None
    if number is None:
        held = model.stages.get(CHAMPION_STAGE, ())
        number = max(held) if held else model.latest_version or None
    version = registry.get(f"{name}/{number}") if number else None
    used: tuple[UsedAsset, ...] = ()
    further = 0
    if version:
        uses = inputs_of(without_hidden(registry.lineage(version.reference)))
        shown, further = uses[:MOST_ASSETS], max(len(uses) - MOST_ASSETS, 0)
        sheets = registry.datasheets([each.asset for each in shown])
        used = tuple(UsedAsset(each, sheets.get(each.asset)) for each in shown)
    return visit.page(
        "model_data.html",
        title=f"Data of {version.reference if version else name}",
        model=model,
        version=version,
        used=used,
        further=further,
        sections=SECTIONS,
    )
