"""Join tokens as values, and the change of one: read, altered, and sent back whole.

Decides what of a token is shown, and that an update loses nothing that it does not mean to change.
In which order the calls go is left to `omni.join_tokens`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, TypeVar

import attrs

from omni_api._core.values import enum_value, moment, redacted
from omni_api.rows import Value

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from omni_api._gen import cosi_pb2

__all__ = ["JoinToken", "JoinTokenState", "JoinTokenWarning"]

TOKENS = "JoinTokens.omni.sidero.dev"
STATUSES = "JoinTokenStatuses.omni.sidero.dev"
DEFAULT = "DefaultJoinTokens.omni.sidero.dev"

SpecT = TypeVar("SpecT", bound="Message")


class JoinTokenState(IntEnum):
    """Whether machines can join with a token."""

    UNKNOWN = 0
    ACTIVE = 1
    REVOKED = 2
    EXPIRED = 3


@attrs.frozen(kw_only=True)
class JoinTokenWarning(Value):
    """A machine that could not connect any more without the token.

    Attributes:
        machine: Id of the machine.
        message: Why, in the server's words.
    """

    machine: str
    message: str = ""


@attrs.frozen(kw_only=True)
class JoinToken(Value):
    """A secret with which machines join.

    Attributes:
        id: The token itself. It is a secret, and the repr hides it.
        name: What it was called when it was made. Names are not unique.
        state: Whether machines can join with it; a number where a newer server knows more states.
        expires: When it expires; None for never.
        use_count: How many machines joined with it.
        is_default: Whether it is the one that is used where none is named.
        warnings: Machines that could not connect any more if it were revoked or destroyed.

    Example:
        >>> from omni_api import JoinToken
        >>> token = JoinToken(id="bB2", name="rack-7")
        >>> token.id, token.name, token.state.name
        ('bB2', 'rack-7', 'ACTIVE')
        >>> "bB2" in repr(token)
        False
    """

    id: str = attrs.field(repr=redacted)
    name: str
    state: JoinTokenState | int = JoinTokenState.ACTIVE
    expires: datetime | None = None
    use_count: int = 0
    is_default: bool = False
    warnings: tuple[JoinTokenWarning, ...] = ()


def read(answer: cosi_pb2.ListResponse) -> JoinToken:
    """Return the token that a message of a list of statuses is about.

    Raises:
        ValueError: The content is no status.
    """
    from omni_api._gen.specs_pb2 import JoinTokenStatusSpec

    spec = JoinTokenStatusSpec.FromString(answer.resource.spec.proto_spec)
    return JoinToken(
        id=answer.resource.metadata.id,
        name=spec.name,
        state=enum_value(JoinTokenState, spec.state),
        expires=moment(spec.expiration_time) if spec.HasField("expiration_time") else None,
        use_count=spec.use_count,
        is_default=spec.is_default,
        warnings=tuple(
            JoinTokenWarning(machine=one.machine, message=one.message) for one in spec.warnings
        ),
    )


def token_reader() -> Callable[[bytes], JoinToken]:
    """Return the reader of a list of statuses."""
    from omni_api._core.reading import value
    from omni_api._gen import cosi_pb2, table

    return value(cosi_pb2.ListResponse, read, table.LIST_RESOURCES.path)()


def altered(
    found: cosi_pb2.Resource, kind: type[SpecT], edit: Callable[[SpecT], object]
) -> cosi_pb2.UpdateRequest:
    """Return the request that stores `found` with an edited spec and everything else as it was.

    Fields that this version does not know are kept. The version goes with it, so the server
    refuses the update if somebody else was faster.
    """
    from omni_api._gen.cosi_pb2 import Spec, UpdateOptions, UpdateRequest

    spec = kind.FromString(found.spec.proto_spec)
    edit(spec)
    request = UpdateRequest(new_resource=found, options=UpdateOptions(expected_phase="running"))
    request.new_resource.spec.CopyFrom(Spec(proto_spec=spec.SerializeToString()))
    return request
