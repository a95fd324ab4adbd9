"""Support bundles as files: saved whole or not at all, watched on the way, read afterwards."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import resource
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from age_files import age_key, opened
from facades import Facade
from stub_server import StubServer

from omni_api import (
    BundleProgress,
    BundleReader,
    CallError,
    DamagedBundleError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    PartProgress,
    PermissionDeniedError,
    SourceError,
    StorageError,
    UnavailableError,
    UnimplementedError,
)
from omni_api._disk import Aside
from omni_api._gen.management_pb2 import GetSupportBundleResponse as Response
from omni_api.simulator import Simulator
from omni_api.simulator._support import _DEFAULT_SECRET

AGE = b"age-encryption.org/v1\n-> X25519 abc\ndef\n--- ghi\njkl"
RECIPIENTS = Response(encryption_recipients=["Somebody"])
NODE = "10001802-c798-4da7-a410-f09abb48c8d8"
FILES = {
    "omni/resources/Clusters.omni.sidero.dev-prod.yaml": b"kind: Cluster\n",
    f"omni/machine-logs/{NODE}.log": b"a line\n\xff\n",
    "kubernetesResources/nodes.yaml": b"kind: List\n",
    f"{NODE}/dmesg.log": b"booted\n" * 100,
}


def zipped(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        for name, data in files.items():
            # A ZipInfo has a fixed date: the same files are the same bytes, in the next second too.
            bundle.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def step(source: str, state: str = "", *, total: int = 0, error: str = "") -> Any:
    return Response(
        progress=Response.Progress(source=source, state=state, total=total, error=error)
    )


def bundle(data: bytes) -> Any:
    return Response(bundle_data=data)


def files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


STEPS = [
    step("omni", "collect a.yaml", total=2),
    step("cluster", "collect mounts", total=2, error="not implemented"),
    step("omni", "collect b.yaml", total=2),
    step("cluster", "collect dmesg.log", total=2),
]


class Script:
    """A server that sends these messages, and then may break."""

    def __init__(self, facade: Facade) -> None:
        self.messages: list[Any] = [*STEPS, bundle(zipped(FILES))]
        self.breaks = False
        self.calls = 0
        self._server = StubServer({"GetSupportBundle": self._answer})
        self.omni = facade.client(self._server.endpoint, auth=None)

    def _answer(self, _request: bytes, context: Any) -> Iterator[bytes]:
        self.calls += 1
        for message in self.messages:
            yield message.SerializeToString()
        if self.breaks:
            context.abort(grpc.StatusCode.UNAVAILABLE, "going down")


@pytest.fixture
def script(facade: Facade) -> Iterator[Script]:
    made = Script(facade)
    with made._server:
        yield made


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# ---- Saving ---------------------------------------------------------------------------------


def test_a_bundle_of_a_whole_cluster_is_saved_and_says_what_it_holds(
    omni: Any, tmp_path: Path
) -> None:
    reports: list[BundleProgress] = []
    saved = omni.support.save("talos-default", on_progress=reports.append)
    data = (tmp_path / "support.zip").read_bytes()
    assert saved.path == tmp_path / "support.zip"
    assert (saved.size, saved.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert [(part.name, part.done, part.total, part.errors) for part in saved.sources] == [
        ("omni", 55, 55, 0),
        ("cluster", 411, 411, 12),
    ]
    assert len(saved.errors) == 12
    assert not saved.complete
    assert len(reports) == 55 + 411 + 1
    assert reports[-1].bundle == saved
    with saved.open() as reader:
        assert len(reader.nodes) == 3


def test_only_its_owner_can_read_the_file_and_nothing_else_is_left(
    script: Script, tmp_path: Path
) -> None:
    script.omni.support.save("prod")
    assert files(tmp_path) == ["support.zip"]
    assert stat.S_IMODE((tmp_path / "support.zip").stat().st_mode) == 0o600


def test_a_directory_as_path_gets_the_name_of_the_official_tool(
    script: Script, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    assert script.omni.support.save("prod", "out").path == tmp_path / "out" / "support.zip"
    script.messages[:] = [RECIPIENTS, *STEPS, bundle(AGE)]
    saved = script.omni.support.save("prod", tmp_path / "out", encrypt=True)
    assert saved.path == tmp_path / "out" / "support.zip.age"


def test_a_tilde_is_the_home(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert script.omni.support.save("prod", "~/x.zip").path == tmp_path / "home" / "x.zip"
    assert script.omni.support.save("prod", Path("~")).path == tmp_path / "home" / "support.zip"


@pytest.mark.parametrize("name", ["support.zip", "[of] today.zip"])
def test_what_a_killed_save_left_is_removed_and_what_another_writes_is_not(
    script: Script, tmp_path: Path, name: str
) -> None:
    dead = tmp_path / f".{name}.abcdefgh.part"
    dead.write_bytes(b"half")
    others = tmp_path / ".other.zip.abcdefgh.part"
    others.write_bytes(b"half")
    living = Aside(tmp_path, name)
    script.omni.support.save("prod", name)
    assert living.path.exists()
    living.discard()
    assert sorted(files(tmp_path)) == sorted([name, others.name])


def test_a_file_as_path_is_that_file(script: Script, tmp_path: Path) -> None:
    saved = script.omni.support.save("prod", "of today.zip")
    assert saved.path == tmp_path / "of today.zip"
    assert saved.path.read_bytes() == zipped(FILES)


def test_a_bundle_without_failed_steps_is_complete(script: Script) -> None:
    script.messages[:] = [STEPS[0], bundle(zipped(FILES))]
    assert script.omni.support.save("prod").complete


def test_a_bundle_with_files_is_saved_whatever_was_told_of_its_steps(script: Script) -> None:
    script.messages[:] = [step("cluster", error="unreachable"), bundle(zipped(FILES))]
    saved = script.omni.support.save("prod")
    assert saved.path.read_bytes() == zipped(FILES)
    assert [failed.error for failed in saved.errors] == ["unreachable"]


def test_failed_steps_say_source_item_and_reason(script: Script) -> None:
    saved = script.omni.support.save("prod")
    assert saved.errors == (SourceError(source="cluster", item="mounts", error="not implemented"),)
    assert pickle.loads(pickle.dumps(saved)) == saved


@pytest.mark.parametrize("path", ["", 5, b"x", "a\0b"], ids=repr)
def test_what_is_no_path_is_refused(script: Script, path: Any) -> None:
    with pytest.raises(InvalidInputError, match="path must be"):
        script.omni.support.save("prod", path)
    assert script.calls == 0


@pytest.mark.parametrize("path", ["missing/x.zip", "missing/", "file/x.zip", "/proc/x.zip"])
def test_a_directory_that_cannot_be_written_to_is_refused_before_anything_is_sent(
    script: Script, tmp_path: Path, path: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="path must be"):
        script.omni.support.save("prod", path)
    assert script.calls == 0


def test_an_existing_file_is_refused_before_anything_is_sent(
    script: Script, tmp_path: Path
) -> None:
    (tmp_path / "support.zip").write_text("precious")
    with pytest.raises(InvalidInputError, match="overwrite=True"):
        script.omni.support.save("prod")
    assert script.calls == 0
    assert (tmp_path / "support.zip").read_text() == "precious"


def test_an_existing_file_is_replaced_when_asked_for(script: Script, tmp_path: Path) -> None:
    (tmp_path / "support.zip").write_text("old")
    script.omni.support.save("prod", overwrite=True)
    assert zipfile.is_zipfile(tmp_path / "support.zip")


def test_a_directory_is_never_replaced(script: Script, tmp_path: Path) -> None:
    (tmp_path / "support.zip").mkdir()
    with pytest.raises(InvalidInputError, match="is a directory"):
        script.omni.support.save("prod", overwrite=True)
    assert script.calls == 0


def test_a_file_that_appears_meanwhile_is_not_replaced(script: Script, tmp_path: Path) -> None:
    target = tmp_path / "support.zip"

    def somebody_else(_: BundleProgress) -> None:
        target.write_text("precious")

    with pytest.raises(StorageError, match="File exists") as caught:
        script.omni.support.save("prod", on_progress=somebody_else)
    assert caught.value.path == str(target)
    assert files(tmp_path) == ["support.zip"]
    assert target.read_text() == "precious"


def test_a_file_system_without_links_gets_the_file_too(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: str, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    script.omni.support.save("prod")
    assert files(tmp_path) == ["support.zip"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk_leaves_nothing_behind_and_the_old_file_alone(
    script: Script, tmp_path: Path, overwrite: bool
) -> None:
    script.messages[-1] = bundle(zipped({"noise": os.urandom(100_000)}))
    if overwrite:
        (tmp_path / "support.zip").write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(StorageError, match="cannot write .*support.zip: File too large"):
            script.omni.support.save("prod", overwrite=overwrite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files(tmp_path) == ["support.zip"] * overwrite
    assert not overwrite or (tmp_path / "support.zip").read_text() == "old"


# ---- What servers do ------------------------------------------------------------------------


def test_an_unknown_cluster_is_an_error_in_the_servers_words(omni: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cluster ghost is not found") as caught:
        omni.support.save("ghost")
    assert caught.value.code is grpc.StatusCode.NOT_FOUND
    assert "allow_empty=True" in caught.value.hint
    assert files(tmp_path) == []


def test_an_unknown_cluster_is_an_error_also_when_encrypted(omni: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cluster ghost is not found"):
        omni.support.save("ghost", encrypt=True)
    assert files(tmp_path) == []


def test_an_empty_bundle_is_taken_when_asked_for(omni: Any) -> None:
    saved = omni.support.save("ghost", allow_empty=True)
    assert saved.size == 22
    assert saved.sources == (PartProgress(name="cluster", done=0, errors=1),)
    assert [(error.source, error.item) for error in saved.errors] == [("cluster", "")]
    with saved.open() as reader:
        assert reader.names == ()


def test_an_empty_cluster_name_is_refused_before_anything_is_sent(script: Script) -> None:
    with pytest.raises(InvalidInputError, match="cluster must"):
        script.omni.support.save(" ")
    assert script.calls == 0


def test_a_broken_stream_writes_nothing_and_says_how_far_it_came(
    omni: Any, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.break_stream("GetSupportBundle", after=3)
    with pytest.raises(UnavailableError) as caught:
        omni.support.save("staging")
    assert caught.value.chunks == 3
    assert files(tmp_path) == []


def test_a_stream_that_ends_without_a_bundle_is_a_fault_of_the_server(
    script: Script, tmp_path: Path
) -> None:
    script.messages.pop()
    with pytest.raises(InternalError, match="ended without a bundle") as caught:
        script.omni.support.save("prod")
    assert caught.value.chunks == 4
    assert files(tmp_path) == []


def test_what_happens_after_the_bundle_does_not_matter(script: Script) -> None:
    script.breaks = True
    assert script.omni.support.save("prod").size == len(zipped(FILES))


def damaged() -> bytes:
    data = bytearray(zipped(FILES))
    data[60] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [b"PK", b"<html>", zipped(FILES)[:-30], zipped(FILES)[100:], damaged(), AGE],
    ids=["two bytes", "no zip", "cut off", "beheaded", "flipped", "encrypted"],
)
def test_a_bundle_that_is_no_whole_zip_is_not_written(
    script: Script, tmp_path: Path, data: bytes
) -> None:
    script.messages[-1] = bundle(data)
    with pytest.raises(DamagedBundleError, match="nothing was written"):
        script.omni.support.save("prod")
    assert files(tmp_path) == []


def test_a_reader_is_not_enough(as_role: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(PermissionDeniedError, match="needs Operator"):
        as_role("Reader").support.save("talos-default")
    assert files(tmp_path) == []


def test_an_error_of_the_callback_ends_the_collection(script: Script, tmp_path: Path) -> None:
    def fail(progress: BundleProgress) -> None:
        raise ZeroDivisionError(progress.latest)

    with pytest.raises(ZeroDivisionError, match="omni 1/2"):
        script.omni.support.save("prod", on_progress=fail)
    assert files(tmp_path) == []


# ---- Encrypted bundles ----------------------------------------------------------------------


def test_an_encrypted_bundle_opens_for_each_recipient_and_reads_as_any_other(
    omni: Any, tmp_path: Path
) -> None:
    ours, our_opener = age_key(bytes(range(32)))
    _, servers_opener = age_key(_DEFAULT_SECRET)
    saved = omni.support.save("talos-default", encrypt=[ours])
    assert saved.path.name == "support.zip.age"
    assert saved.recipients == ("Sidero Labs Support", ours)
    data = saved.path.read_bytes()
    plain = opened(data, our_opener)
    assert plain == opened(data, servers_opener)
    with pytest.raises(InvalidInputError, match="age --decrypt --identity KEY_FILE --output"):
        saved.open()
    (tmp_path / "support.zip").write_bytes(plain)
    with BundleReader(tmp_path / "support.zip") as reader:
        assert reader.text("kubernetesResources/nodes.yaml")


def test_the_servers_own_recipients_can_be_left_out(omni: Any) -> None:
    ours, _ = age_key(bytes(range(32)))
    saved = omni.support.save("ghost", encrypt=[ours], default_recipients=False, allow_empty=True)
    assert saved.recipients == (ours,)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"encrypt": []}, "at least one recipient"),
        ({"encrypt": "age1abc"}, "encrypt must be a list"),
        ({"encrypt": None}, "encrypt must be a list"),
        ({"encrypt": True, "default_recipients": False}, "needs other recipients"),
        ({"default_recipients": False}, "needs other recipients"),
        ({"encrypt": True, "default_recipients": None}, "default_recipients must be"),
        ({"overwrite": 1}, "overwrite must be"),
        ({"allow_empty": "yes"}, "allow_empty must be"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_sent(
    script: Script, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidInputError, match=text):
        script.omni.support.save("prod", **options)
    with pytest.raises(InvalidInputError, match=text):
        script.omni.support.collect("prod", **options)
    assert script.calls == 0


@pytest.mark.parametrize("first", [0, 4], ids=["progress", "bundle"])
def test_a_server_that_ignores_encryption_is_found_out_and_nothing_is_written(
    script: Script, tmp_path: Path, first: int
) -> None:
    del script.messages[:first]
    with pytest.raises(UnimplementedError, match="does not encrypt") as caught:
        script.omni.support.save("prod", encrypt=True)
    assert caught.value.chunks == 1
    assert "1.10" in caught.value.hint
    assert files(tmp_path) == []


@pytest.mark.parametrize("data", [zipped(FILES), AGE[:30]], ids=["plain", "cut off"])
def test_a_bundle_that_is_not_as_encrypted_as_announced_is_not_written(
    script: Script, tmp_path: Path, data: bytes
) -> None:
    script.messages[:] = [RECIPIENTS, *STEPS, bundle(data)]
    with pytest.raises(DamagedBundleError):
        script.omni.support.save("prod", encrypt=True)
    assert files(tmp_path) == []


# ---- Watching -------------------------------------------------------------------------------


def test_reports_count_the_steps_of_each_source_and_the_last_one_has_the_bundle(
    script: Script,
) -> None:
    with script.omni.support.collect("prod") as stream:
        reports = list(stream)
    *before, last = reports
    counts = [[(part.name, part.done, part.errors) for part in one.parts] for one in reports]
    assert counts[0] == [("omni", 1, 0)]
    assert counts[1] == [("omni", 1, 0), ("cluster", 1, 1)]
    assert counts[3] == counts[4] == [("omni", 2, 0), ("cluster", 2, 1)]
    assert before[1].latest == "cluster 1/2 (50.0 %): collect mounts: failed: not implemented"
    assert not any(one.finished or one.bundle or one.bytes_received for one in before)
    assert last.finished
    assert last.latest.startswith(f"saved {last.bundle.path}: ")
    assert last.latest.endswith("1 steps failed")
    assert last.bytes_received == last.bundle.size == stream.bytes_received
    assert [one.elapsed for one in reports] == sorted(one.elapsed for one in reports)


def test_the_recipients_are_reported_first(script: Script) -> None:
    script.messages[:] = [RECIPIENTS, *STEPS, bundle(AGE)]
    first, *_ = script.omni.support.collect("prod", encrypt=True)
    assert first.latest == "encrypted for Somebody"
    assert first.parts == ()


def test_leaving_the_stream_ends_the_collection_and_writes_nothing(
    omni: Any, simulator: Simulator, tmp_path: Path
) -> None:
    with omni.support.collect("talos-default") as stream:
        next(stream)
    assert simulator.wait_for(lambda: simulator.active_streams("GetSupportBundle") == 0)
    assert files(tmp_path) == []


def test_errors_of_a_watched_collection_say_how_far_it_came(script: Script) -> None:
    script.messages.pop()
    script.breaks = True
    with pytest.raises(CallError, match="going down") as caught:
        list(script.omni.support.collect("prod"))
    assert caught.value.chunks == 4


def test_no_contents_are_in_a_repr(script: Script) -> None:
    *_, last = script.omni.support.collect("prod")
    with last.bundle.open() as reader:
        shown = f"{last!r} {reader!r} {reader.entries!r}"
    assert "booted" not in shown
    assert "PK" not in shown


# ---- Reading --------------------------------------------------------------------------------


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[BundleReader]:
    (tmp_path / "x.zip").write_bytes(zipped(FILES))
    with BundleReader("x.zip") as made:
        yield made


def test_a_reader_lists_files_with_size_source_and_node(reader: BundleReader) -> None:
    assert reader.names == tuple(FILES)
    assert [(entry.source, entry.node, entry.size) for entry in reader.entries] == [
        ("omni", "", 14),
        ("omni", NODE, 9),
        ("cluster", "", 11),
        ("cluster", NODE, 700),
    ]
    assert reader.nodes == (NODE,)


def test_files_are_read_by_name_and_found_by_pattern(reader: BundleReader) -> None:
    assert reader.read("kubernetesResources/nodes.yaml") == b"kind: List\n"
    assert reader.text(f"omni/machine-logs/{NODE}.log") == "a line\n\N{REPLACEMENT CHARACTER}\n"
    assert reader.glob("*.log") == (f"omni/machine-logs/{NODE}.log", f"{NODE}/dmesg.log")
    assert reader.glob("nothing") == ()


def test_a_name_that_is_not_there_is_refused(reader: BundleReader) -> None:
    with pytest.raises(InvalidInputError, match="one of the 4 names of x.zip, not 'dmesg'"):
        reader.read("dmesg")


def test_a_closed_reader_reads_nothing(reader: BundleReader) -> None:
    reader.close()
    with pytest.raises(DamagedBundleError, match="closed"):
        reader.read("kubernetesResources/nodes.yaml")


def test_a_file_damaged_later_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(damaged())
    with (
        BundleReader("x.zip") as reader,
        pytest.raises(DamagedBundleError, match=r"x\.zip cannot be read"),
    ):
        reader.read(next(iter(FILES)))


def test_what_is_no_bundle_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"<html>")
    with pytest.raises(DamagedBundleError, match=r"x\.zip is no ZIP"):
        BundleReader("x.zip")
    with pytest.raises(StorageError, match="No such file"):
        BundleReader("y.zip")
