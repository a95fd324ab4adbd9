"""Messages of 32 MiB, where the official client stops: whole, and outliving a cut in the middle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broken_relay import Cut
from stub_server import StubServer

from omni_api import UnavailableError
from omni_api._core import following
from omni_api._gen import management_pb2

SIZE = 32 * 1024 * 1024
START = b'{"event_type":"create","event_data":{"session":{"user_agent":"'
END = b'"}},"event_ts":1795479365463}\n'
EVENT = START + b"a" * (SIZE - len(START) - len(END)) + END
SMALL = START + END


def _bundle() -> bytes:
    """A ZIP with an entry of 32 MiB, not compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("omni/machine-logs/one.log", bytes(SIZE))
    return file.getvalue()


def read_audit_log(data: bytes, _context: Any) -> Iterator[bytes]:
    """Serve three events, one of them large."""
    request = management_pb2.ReadAuditLogRequest.FromString(data)
    if request.follow:
        yield management_pb2.ReadAuditLogResponse(
            id=max(request.from_id - 1, 0)
        ).SerializeToString()
    for number, line in enumerate((SMALL, EVENT, SMALL), start=1):
        if number >= request.from_id:
            yield management_pb2.ReadAuditLogResponse(
                audit_log=line, id=number if request.follow else 0
            ).SerializeToString()


def get_support_bundle(_data: bytes, _context: Any) -> Iterator[bytes]:
    """Serve some progress and a large bundle."""
    Message = management_pb2.GetSupportBundleResponse  # noqa: N806
    for name in ("a", "b"):
        progress = Message.Progress(source="omni", state=f"collect {name}", total=2)
        yield Message(progress=progress).SerializeToString()
    yield Message(bundle_data=_bundle()).SerializeToString()


@pytest.fixture
def server() -> Iterator[StubServer]:
    rpcs = {"ReadAuditLog": read_audit_log, "GetSupportBundle": get_support_bundle}
    with StubServer(rpcs) as running:
        yield running


def test_large_events_are_read(relayed: Any, server: StubServer) -> None:
    omni, _ = relayed(port=server.port)
    lines = [line.audit_log for line in omni.management.read_audit_log()]
    assert [len(line) for line in lines] == [len(SMALL), SIZE, len(SMALL)]
    assert lines[1] == EVENT


def test_a_cut_inside_a_large_event_is_outlived(
    relayed: Any, server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "waits", lambda: iter([0.001] * 100))
    omni, relay = relayed([Cut(2, SIZE // 2)], port=server.port)
    with omni.audit_log.follow() as events:
        got = [next(events) for _ in range(3)]
    assert [(event.id, len(event.raw)) for event in got] == [
        (1, len(SMALL)),
        (2, SIZE),
        (3, len(SMALL)),
    ]
    assert relay.connections == 2


def test_a_large_bundle_is_saved_whole_or_not_at_all(
    relayed: Any, server: StubServer, tmp_path: Path
) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    omni, _ = relayed([Cut(2, SIZE // 2)], port=server.port)
    with pytest.raises(UnavailableError, match="after 2 messages"):
        omni.support.save("talos-default", directory)
    assert not list(directory.iterdir())
    bundle = omni.support.save("talos-default", directory)
    assert list(directory.iterdir()) == [bundle.path]
    assert bundle.path.stat().st_size == bundle.size > SIZE
    with bundle.open() as reader:
        assert len(reader.read("omni/machine-logs/one.log")) == SIZE
