"""What a ReadAuditLog request may not combine; the server refuses the same, later. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omni_api.errors import InvalidInputError

if TYPE_CHECKING:
    from omni_api._gen.management_pb2 import ReadAuditLogRequest

_NOT_WITH_FOLLOW = (
    "start_time",
    "end_time",
    "order_by_field",
    "order_by_dir",
    "search",
    "event_type",
    "resource_type",
    "resource_id",
    "cluster_id",
    "actor",
)


def check_request(request: ReadAuditLogRequest) -> None:
    """Refuse ranges that run backwards and options that exclude each other.

    Raises:
        InvalidInputError: Names the arguments that do not go together.
    """
    if request.start_time and request.end_time and request.start_time > request.end_time:
        raise InvalidInputError(
            f"start_time {request.start_time} is after end_time {request.end_time}; "
            "pass the earlier day as start_time"
        )
    for name in ("start_ts_ms", "from_id"):
        if getattr(request, name) < 0:
            raise InvalidInputError(f"{name} cannot be negative, but is {getattr(request, name)}")
    if request.follow:
        for name in _NOT_WITH_FOLLOW:
            if getattr(request, name):
                raise InvalidInputError(
                    f"{name} cannot be combined with follow=True: a followed log comes whole and "
                    "in the order of its ids; start it with start_ts_ms or from_id"
                )
    elif request.from_id:
        raise InvalidInputError("from_id needs follow=True; name days or start_ts_ms instead")
