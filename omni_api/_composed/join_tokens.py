"""Join tokens, with which machines join: listed, made, prolonged, revoked and removed."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from omni_api._core.arguments import duration, text
from omni_api._core.durations import UNSET, Seconds, Timeout, Unset, to_seconds
from omni_api._core.hiding import hiding
from omni_api._core.steps import Fill, Pause, Steps, now, send, start
from omni_api._gen import calls, cosi_pb2, specs_pb2, table
from omni_api.errors import DeadlineExceededError, FailedPreconditionError, NotFoundError
from omni_api.join_tokens import DEFAULT, STATUSES, TOKENS, JoinToken, altered, token_reader
from omni_api.rows import Rows

_BATCH = 256
_ATTEMPTS = 5
"""How often an update is tried that somebody else is always faster with."""
_AGAIN = 0.2
"""Seconds until another look."""
_LEAST = 0.001
"""Seconds for a call when nothing is left: it fails with a deadline as every late call does."""
_PATIENCE = 120.0
"""Seconds that `destroy` waits for the server's controllers, unless told otherwise."""

SpecT = TypeVar("SpecT", bound=Message)


def list(*, timeout: Timeout = UNSET) -> Steps[Rows[JoinToken]]:  # noqa: A001 - the verb of the official tool
    """Return all join tokens, with what Omni reports of them.

    Args:
        timeout: Seconds or timedelta for the whole call, None for no limit (the default).

    Returns:
        The tokens, in the order of their ids. Shortly after a change the report may be that from
        before it: servers bring it up to date a moment later.

    Raises:
        InvalidInputError: `timeout` is malformed. Nothing was sent.
        PermissionDeniedError: The role is below `Reader`.
        CallError: The server refused for another reason, or the stream broke.

    Example:
        >>> for token in omni.join_tokens.list():
        ...     print(token.name, token.state.name, token.use_count, token.is_default)
        initial token ACTIVE 5 True
    """
    request = cosi_pb2.ListRequest(namespace="default", type=STATUSES)
    call = calls.list_resources(request, timeout=timeout).read_by(token_reader, lambda _: 0)
    stream = yield from start(call)
    tokens: builtins.list[JoinToken] = []
    seen = -1
    while len(tokens) > seen:
        seen = len(tokens)
        yield Fill(stream, tokens, _BATCH)
    return Rows(tokens, of=JoinToken)


def create(
    name: str, lifetime: Seconds | None = None, *, timeout: Timeout = UNSET
) -> Steps[JoinToken]:
    """Create a join token and return it.

    Args:
        name: What to call it: at most 16 bytes. Names need not be unique.
        lifetime: How long it is valid, in seconds or as a timedelta. Default: for ever.
        timeout: Seconds or timedelta for the whole call, None for no limit. Default: the
            client's timeout.

    Returns:
        The token; its `id` is the secret.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only. Nothing was sent.
        InvalidArgumentError: The server refuses the name.
        PermissionDeniedError: The role is below `Admin`.
        CallError: The server refused for another reason, or could not be reached.

    Example:
        >>> token = omni.join_tokens.create("rack-7", timedelta(days=7))
        >>> token.name, len(token.id) > 40
        ('rack-7', True)
    """
    expires = None if lifetime is None else (yield from _after(lifetime))
    call = calls.create_join_token(name=name, expiration_time=expires, timeout=timeout)
    made = yield from send(call)
    return JoinToken(id=made.id, name=name, expires=expires)


def renew(id: str, lifetime: Seconds, *, timeout: Timeout = UNSET) -> Steps[datetime]:
    """Let a join token expire later, or earlier: `lifetime` counts from now.

    Args:
        id: The token.
        lifetime: How long it is valid from now, in seconds or as a timedelta.
        timeout: Seconds or timedelta for each of the calls that this takes, None for no limit.
            Default: the client's timeout.

    Returns:
        When it expires.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only. Nothing was changed.
        NotFoundError: There is no such token.
        PermissionDeniedError: The role is below `Admin`.
        CallError: The server refused for another reason, or could not be reached.

    Example:
        >>> token = omni.join_tokens.create("rack-8")
        >>> expires = omni.join_tokens.renew(token.id, timedelta(days=30))
        >>> timedelta(days=29) < expires - datetime.now(UTC) < timedelta(days=31)
        True
    """
    expires = yield from _after(lifetime)

    def edit(spec: specs_pb2.JoinTokenSpec) -> None:
        spec.expiration_time.FromDatetime(expires)

    yield from hiding(_checked(id), _update(TOKENS, id, specs_pb2.JoinTokenSpec, edit, timeout))
    return expires


def revoke(id: str, *, timeout: Timeout = UNSET) -> Steps[None]:
    """Let no machine join with a token any more; `unrevoke` takes it back.

    Machines that joined with it may lose their connection: `JoinToken.warnings` names them.

    Args:
        id: The token.
        timeout: Seconds or timedelta for each of the calls that this takes, None for no limit.
            Default: the client's timeout.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only. Nothing was changed.
        NotFoundError: There is no such token.
        PermissionDeniedError: The role is below `Admin`.
        CallError: The server refused for another reason, or could not be reached.

    Example:
        >>> token = omni.join_tokens.create("rack-9")
        >>> omni.join_tokens.revoke(token.id)
        >>> [one.state.name for one in omni.join_tokens.list() if one.id == token.id]
        ['REVOKED']
    """
    yield from _set_revoked(id, True, timeout)  # noqa: FBT003 - private


def unrevoke(id: str, *, timeout: Timeout = UNSET) -> Steps[None]:
    """Let machines join again with a token that was revoked.

    Args:
        id: The token.
        timeout: Seconds or timedelta for each of the calls that this takes, None for no limit.
            Default: the client's timeout.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only. Nothing was changed.
        NotFoundError: There is no such token.
        PermissionDeniedError: The role is below `Admin`.
        CallError: The server refused for another reason, or could not be reached.

    Example:
        >>> token = omni.join_tokens.create("rack-10")
        >>> omni.join_tokens.revoke(token.id)
        >>> omni.join_tokens.unrevoke(token.id)
        >>> [one.state.name for one in omni.join_tokens.list() if one.id == token.id]
        ['ACTIVE']
    """
    yield from _set_revoked(id, False, timeout)  # noqa: FBT003 - private


def make_default(id: str, *, timeout: Timeout = UNSET) -> Steps[None]:
    """Make a token the one that is used where none is named, as in new boot media.

    Args:
        id: The token.
        timeout: Seconds or timedelta for each of the calls that this takes, None for no limit.
            Default: the client's timeout.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only. Nothing was changed.
        InvalidArgumentError: There is no such token.
        PermissionDeniedError: The role is below `Admin`.
        CallError: The server refused for another reason, or could not be reached.

    Example:
        >>> token = omni.join_tokens.create("new-default")
        >>> omni.join_tokens.make_default(token.id)
        >>> [one.name for one in omni.join_tokens.list() if one.is_default]
        ['new-default']
    """

    def edit(spec: specs_pb2.DefaultJoinTokenSpec) -> None:
        spec.token_id = id

    steps = _update(DEFAULT, "default", specs_pb2.DefaultJoinTokenSpec, edit, timeout)
    yield from hiding(_checked(id), steps)


def destroy(id: str, *, timeout: Timeout = UNSET) -> Steps[None]:
    """Remove a token for good, and wait until it is gone.

    Machines that joined with it may lose their connection: `JoinToken.warnings` names them.

    Args:
        id: The token.
        timeout: Seconds or timedelta for the whole operation, None for no limit. Default: the
            client's timeout for each call, and two minutes for the server to let go of the token.

    Raises:
        InvalidInputError: An argument is malformed. Nothing was sent.
        ReadOnlyError: The client is read-only. Nothing was sent.
        NotFoundError: There is no such token.
        InvalidArgumentError: It is the default token, which cannot be removed.
        DeadlineExceededError: Something on the server still holds the token. Its removal has
            begun and goes on without the client.
        PermissionDeniedError: The role is below `Admin`.
        CallError: The server refused for another reason, or could not be reached.

    Example:
        >>> token = omni.join_tokens.create("rack-11")
        >>> omni.join_tokens.destroy(token.id)
        >>> [one for one in omni.join_tokens.list() if one.id == token.id]
        []
    """
    yield from hiding(_checked(id), _destroy(id, timeout))


def _destroy(id_: str, timeout: Timeout) -> Steps[None]:
    teardown = cosi_pb2.TeardownRequest(namespace="default", type=TOKENS, id=id_)
    look = cosi_pb2.GetRequest(namespace="default", type=TOKENS, id=id_)
    removal = cosi_pb2.DestroyRequest(namespace="default", type=TOKENS, id=id_)
    patience = _PATIENCE if isinstance(timeout, Unset) else timeout
    begun = (yield from now()).monotonic
    limit = float("inf") if patience is None else begun + to_seconds("timeout", patience)

    def left() -> Steps[Timeout]:
        """Return the timeout of the next call: the rest of the whole, or the client's for each."""
        if timeout is None or isinstance(timeout, Unset):
            return timeout
        return max(limit - (yield from now()).monotonic, _LEAST)

    answer = yield from send(calls.teardown_resource(teardown, timeout=timeout))
    try:
        if not answer.destroy_ready:
            yield from _until_free(look, limit, left)
        yield from send(calls.destroy_resource(removal, timeout=(yield from left())))
    except NotFoundError:
        # The server destroys what users manage by itself once nobody holds it, and was faster.
        return


def _until_free(
    request: cosi_pb2.GetRequest, limit: float, left: Callable[[], Steps[Timeout]]
) -> Steps[None]:
    """Wait until a resource that is being torn down has no finalizers.

    Raises:
        NotFoundError: It is gone.
        DeadlineExceededError: It has some still.
    """
    while True:
        found = yield from send(calls.get_resource(request, timeout=(yield from left())))
        held = ", ".join(found.resource.metadata.finalizers)
        if not held:
            return
        if (yield from now()).monotonic + _AGAIN > limit:
            raise DeadlineExceededError(
                f"the removal has begun, and waits for {held}",
                code=grpc.StatusCode.DEADLINE_EXCEEDED,
                method=table.GET_RESOURCE.path,
            )
        yield Pause(_AGAIN)


def _set_revoked(id_: str, revoked: bool, timeout: Timeout) -> Steps[None]:  # noqa: FBT001 - private
    def edit(spec: specs_pb2.JoinTokenSpec) -> None:
        spec.revoked = revoked

    steps = _update(TOKENS, id_, specs_pb2.JoinTokenSpec, edit, timeout)
    yield from hiding(_checked(id_), steps)


def _update(
    type_: str,
    id_: str,
    kind: type[SpecT],
    edit: Callable[[SpecT], object],
    timeout: Timeout,
) -> Steps[None]:
    """Read a resource, change its spec, write it; again if somebody else wrote in between."""
    request = cosi_pb2.GetRequest(namespace="default", type=type_, id=id_)
    for attempt in range(1, _ATTEMPTS + 1):
        found = yield from send(calls.get_resource(request, timeout=timeout))
        change = calls.update_resource(altered(found.resource, kind, edit), timeout=timeout)
        try:
            yield from send(change)
        except FailedPreconditionError as error:
            if attempt == _ATTEMPTS or "update conflict" not in error.details:
                raise
        else:
            return
        # Reads are answered from a cache that may not know the other write yet.
        yield Pause(_AGAIN)


def _checked(id_: str) -> str:
    return text("id", id_, secret=True, empty=False)


def _after(lifetime: Seconds) -> Steps[datetime]:
    """Return when `lifetime` is over, by the client's clock."""
    length = duration("lifetime", lifetime)
    moment = (yield from now()).utc
    try:
        return (moment + length).astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
