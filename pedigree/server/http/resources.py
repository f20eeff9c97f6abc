"""Routers of the API: the routes of one resource."""

from fastapi import APIRouter

from pedigree.contract.paths import PREFIX
from pedigree.server.http.auth import ProtectedRoute
from pedigree.server.http.problems import problem_responses


def resource(tag: str) -> APIRouter:
    """Return a router for the routes of one resource."""
    return APIRouter(
        prefix=PREFIX,
        route_class=ProtectedRoute,
        tags=[tag],
        responses=problem_responses(),
        generate_unique_id_function=lambda route: route.name,
    )
