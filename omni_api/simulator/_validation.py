"""ValidateConfig and ValidateJSONSchema: two rpcs that look at texts and at nothing else."""

from __future__ import annotations

from typing import Any

from omni_api._gen import management_pb2
from omni_api._gen._pool import message_class
from omni_api.simulator._call import Call, Handler, invalid, unknown
from omni_api.simulator._config_patch import PatchError, check_patch
from omni_api.simulator._json_schema import SchemaError, violations

_Empty = message_class("google.protobuf.Empty")
_LARGEST_SCHEMA = 1_000_000


def validate_config(call: Call, request: Any) -> Any:
    call.require_signature()
    try:
        check_patch(request.config)
    except PatchError as error:
        raise invalid(str(error)) from error
    return _Empty()


def validate_json_schema(call: Call, request: Any) -> Any:
    call.require_signature()
    if len(request.schema.encode()) > _LARGEST_SCHEMA:
        raise unknown("json schema can not be bigger than 1MB")
    try:
        found = violations(request.schema, request.data)
    except SchemaError as error:
        raise unknown(str(error)) from error
    response = management_pb2.ValidateJsonSchemaResponse()
    for violation in found:
        response.errors.add(
            schema_path=violation.schema_path,
            data_path=violation.data_path,
            cause=violation.cause,
        )
    return response


_SERVICE = "/management.ManagementService/"

HANDLERS: dict[str, Handler] = {
    f"{_SERVICE}ValidateConfig": validate_config,
    f"{_SERVICE}ValidateJSONSchema": validate_json_schema,
}
