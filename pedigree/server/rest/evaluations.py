"""Results of versions for each group of their evaluation data."""

from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.evaluation.records import Evaluation, KeptEvaluation
from pedigree.server.http.auth import requires
from pedigree.server.http.parameters import Name, Number
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("monitoring")


class FoundEvaluation(Record):
    """A version's results by group; null if it has no evaluation."""

    evaluation: KeptEvaluation | None


@router.get(paths.EVALUATION, responses={200: {"model": FoundEvaluation}})
@requires(Permission.READ)
def get_evaluation(call: ReadCall, name: Name, version: Number) -> Response:
    """Return a version's results for each group of its evaluation data."""
    return call.answer(FoundEvaluation(evaluation=call.registry.evaluation(f"{name}/{version}")))


@router.put(paths.EVALUATION, status_code=204)
@requires(Permission.DESCRIBE)
def set_evaluation(call: WriteCall, name: Name, version: Number, found: Evaluation) -> Response:
    """Store a version's results by group; an old version may be evaluated at any time."""
    return call.write(lambda registry: registry.set_evaluation(f"{name}/{version}", found))
