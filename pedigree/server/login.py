"""``GET /login``: with which provider people log in to this service."""

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from pedigree.access.oidc.login_offers import LoginOffers
from pedigree.contract import paths
from pedigree.server.http.problems import problem_responses

router = APIRouter(
    prefix=paths.PREFIX,
    tags=["operating"],
    responses=problem_responses(),
    generate_unique_id_function=lambda route: route.name,
)


@router.get(paths.LOGIN, responses={200: {"model": LoginOffers}}, openapi_extra={"security": []})
async def login_offers(request: Request) -> Response:
    """Return the providers with which `pedigree login` logs in; it needs no token."""
    oidc = request.app.state.oidc
    offers = oidc.offers if oidc else LoginOffers(offers=())
    headers = {"Cache-Control": "no-store"}
    return Response(to_json(offers), headers=headers, media_type="application/json")
