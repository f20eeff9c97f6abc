"""The OpenAPI document, completed by what no route states."""

from typing import Any

from fastapi import FastAPI

from pedigree.server.http.problems import Problem


def describe(app: FastAPI) -> None:
    """Add to the OpenAPI document what no route states: problem details and authentication."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            components = document.setdefault("components", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components["schemas"].update(problem.pop("$defs", {}), Problem=problem)
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
            for path in document["paths"].values():
                for method, operation in path.items():
                    _complete(method, operation)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(method: str, operation: dict[str, Any]) -> None:
    """Add to an operation what its function does not state: 304, and parameters without null."""
    parameters = operation.get("parameters", ())
    for parameter in parameters:
        _leave_out_null(parameter["schema"])
    if method == "get" and "if-none-match" in (parameter["name"] for parameter in parameters):
        operation["responses"]["304"] = {"description": "The caller has the current state"}


def _leave_out_null(schema: dict[str, Any]) -> None:
    """Remove null from a parameter's schema: a parameter without a value is left out instead."""
    kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema.update(kinds[0])
    elif kinds:
        schema["anyOf"] = kinds
