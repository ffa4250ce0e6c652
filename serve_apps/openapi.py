"""The OpenAPI description: bodies that are read by hand, roles, and problem documents."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from serve_apps.policy import rule_for
from serve_apps.problems import MEDIA_TYPE, ProblemDocument

_TEMPLATE = "#/components/schemas/{model}"
_SCHEME = "apiKey"
_models: dict[str, type[BaseModel]] = {}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return what a route needs as `openapi_extra` to show `model` as its JSON body."""
    _models[model.__name__] = model
    reference = {"$ref": _TEMPLATE.format(model=model.__name__)}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}
    }


def form_body(
    properties: dict[str, Any], required: list[str], media_type: str = "multipart/form-data"
) -> dict[str, Any]:
    """Return what a route needs as `openapi_extra` to show a form as its body."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of `app`."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        models: list[type[BaseModel]] = [*_models.values(), ProblemDocument]
        for model in models:
            _add_model(components, model)
        schema["components"]["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                _describe_problems(operation)
                _describe_access(operation, method, path)
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        app.openapi_schema = schema
    return app.openapi_schema


def _add_model(components: dict[str, Any], model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template=_TEMPLATE, mode="validation")
    for name, definition in schema.pop("$defs", {}).items():
        components.setdefault(name, definition)
    components[model.__name__] = schema


def _describe_problems(operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "A problem document",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _TEMPLATE.format(model="ProblemDocument")}}},
    }


def _describe_access(operation: dict[str, Any], method: str, path: str) -> None:
    """Name the role; without any key in the mesh, nobody has to show one."""
    role = rule_for(method.upper(), path).role
    operation["x-role"] = role
    operation["security"] = [{_SCHEME: []}, {}] if role else []
