"""How machines find their Omni: join tokens, and the config or kernel arguments that carry them."""

from __future__ import annotations

import secrets
import unicodedata
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from omni_api._gen import management_pb2
from omni_api.simulator._call import Call, Handler, invalid
from omni_api.simulator._fleet_ids import base62
from omni_api.simulator._fleet_objects import JoinToken

if TYPE_CHECKING:
    from omni_api.simulator._state import Omni

_SERVER = "[fdae:41e4:649b:9303::1]"
EVENT_SINK = f"{_SERVER}:8091"
LOG_SINK = f"tcp://{_SERVER}:8092"
_LONGEST_NAME = 16


def siderolink_url(omni: Omni, token: str = "", *, grpc_tunnel: bool = False) -> str:
    """The URL that a machine joins; without `token` the default one is used."""
    fleet = omni.fleet
    query = {"grpc_tunnel": "true"} if grpc_tunnel else {}
    query["jointoken"] = token or fleet.default_join_token
    return f"{fleet.machine_api_url}?{urlencode(query)}"


def kernel_args(omni: Omni, token: str = "", *, grpc_tunnel: bool = False) -> list[str]:
    return [
        f"siderolink.api={siderolink_url(omni, token, grpc_tunnel=grpc_tunnel)}",
        f"talos.events.sink={EVENT_SINK}",
        f"talos.logging.kernel={LOG_SINK}",
    ]


def get_machine_join_config(call: Call, request: Any) -> Any:
    call.require("Reader")
    # A given token is not looked up: Omni builds a config for any text.
    token, tunnel = request.join_token, request.use_grpc_tunnel
    url = siderolink_url(call.omni, token, grpc_tunnel=tunnel)
    config = (
        f"apiVersion: v1alpha1\nkind: SideroLinkConfig\napiUrl: {url}\n"
        f"---\napiVersion: v1alpha1\nkind: EventSinkConfig\nendpoint: '{EVENT_SINK}'\n"
        f"---\napiVersion: v1alpha1\nkind: KmsgLogConfig\nname: omni-kmsg\nurl: {LOG_SINK}\n"
    )
    return management_pb2.GetMachineJoinConfigResponse(
        kernel_args=kernel_args(call.omni, token, grpc_tunnel=tunnel), config=config
    )


def create_join_token(call: Call, request: Any) -> Any:
    call.require("Admin")
    if not request.name:
        raise invalid("token name cannot be empty")
    if len(request.name.encode()) > _LONGEST_NAME:
        raise invalid("token name cannot be longer than 16 symbols")
    if any(unicodedata.category(letter) == "Cc" for letter in request.name):
        raise invalid(
            "failed to validate: 1 error occurred:\n"
            "\t* the join token name must not contain control characters\n\n"
        )
    expiration = None
    if request.HasField("expiration_time"):
        expiration = request.expiration_time.ToDatetime(tzinfo=UTC)
    token = JoinToken(
        id=base62(secrets.token_bytes(32)),
        name=request.name,
        created=call.omni.now(),
        expiration=expiration,
    )
    with call.omni.changed:
        call.omni.fleet.join_tokens[token.id] = token
        call.omni.changed.notify_all()
    call.omni.audit.record(
        call, "create", resource_type="JoinTokens.omni.sidero.dev", resource_id=token.id, data={}
    )
    return management_pb2.CreateJoinTokenResponse(id=token.id)


_SERVICE = "/management.ManagementService/"

HANDLERS: dict[str, Handler] = {
    f"{_SERVICE}GetMachineJoinConfig": get_machine_join_config,
    f"{_SERVICE}CreateJoinToken": create_join_token,
}
