"""Files over connections that are cut anywhere: byte for byte the same, or not there at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from broken_relay import Cut

from omni_api import UnavailableError
from omni_api.audit._export import steps
from omni_api.simulator import Simulator


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


# ---- Exports ------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Iterator[Simulator]:
    """A server whose log has three events a day."""
    with Simulator(audit_events=90) as running:
        yield running


def export(omni: Any, log: Simulator, directory: Path) -> Any:
    """Export three days that are over."""
    last = (log.now - timedelta(days=3)).date()
    return omni.audit_log.export(directory, last - timedelta(days=2), last)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_PAUSES", (0.001, 0.001))


@pytest.mark.usefixtures("_impatient")
def test_an_export_is_the_same_wherever_its_connection_is_cut(
    relayed: Any, log: Simulator, tmp_path: Path
) -> None:
    omni, _ = relayed(simulator=log)
    export(omni, log, tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    assert len(whole) == 3 + 3 + 1
    # One message to find the first day, and three a day.
    cuts = [Cut(count, 60 * (count % 2)) for count in range(10)]
    for number, cut in enumerate(cuts):
        omni, relay = relayed([cut], simulator=log)
        export(omni, log, tmp_path / str(number))
        assert contents(tmp_path / str(number)) == whole
        assert relay.connections >= 2
        omni.close()


@pytest.mark.usefixtures("_impatient")
def test_an_export_that_gives_up_goes_on_where_it_was(
    relayed: Any, log: Simulator, tmp_path: Path
) -> None:
    omni, _ = relayed(simulator=log)
    export(omni, log, tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    # A day has three events, so only the last of these can bring one: and it is the tenth.
    omni, _ = relayed(cycle([*[Cut(2, 5)] * 9, Cut(4, 60)]), simulator=log)
    given_up = 0
    while True:
        try:
            export(omni, log, tmp_path / "export")
        except UnavailableError:
            given_up += 1
            assert given_up < 50
            found = contents(tmp_path / "export")
            assert found.items() <= (whole | {"manifest.json": found.get("manifest.json")}).items()
        else:
            break
    assert given_up
    assert contents(tmp_path / "export") == whole


@pytest.mark.usefixtures("_impatient", "_watchful")
def test_an_export_outlives_a_connection_that_dies_silently(
    relayed: Any, log: Simulator, tmp_path: Path
) -> None:
    omni, _ = relayed(simulator=log)
    export(omni, log, tmp_path / "whole")
    omni, relay = relayed([Cut(6, 60, mute=True)], simulator=log)
    export(omni, log, tmp_path / "export")
    assert contents(tmp_path / "export") == contents(tmp_path / "whole")
    assert relay.connections == 2


# ---- Support bundles ----------------------------------------------------------------------------


def test_a_support_bundle_is_there_whole_or_not_at_all(
    relayed: Any, simulator: Simulator, tmp_path: Path
) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    omni, _ = relayed()
    with omni.support.collect("talos-default", tmp_path / "whole.zip") as bundle:
        messages = len(list(bundle)) - 1
    size = (tmp_path / "whole.zip").stat().st_size
    cuts = [
        Cut(1),
        Cut(2, 5),
        Cut(100, 60),
        Cut(messages - 1),
        *(Cut(messages, into) for into in (0, 5, size // 2, size - 1)),
    ]
    broken = 0
    for cut in cuts:
        omni, relay = relayed([cut])
        try:
            saved = omni.support.save("talos-default", directory)
        except UnavailableError as error:
            broken += 1
            # One more where a message is shorter than what was to pass of it.
            assert 0 < error.chunks <= cut.messages + 1
        else:
            # Nothing had come before the cut, so it was asked for again.
            assert relay.connections == 2
            saved.path.unlink()
        assert not list(directory.iterdir())
        omni.close()
    assert broken >= len(cuts) // 2


@pytest.mark.usefixtures("_watchful")
def test_a_support_bundle_whose_connection_dies_silently_is_an_error(
    relayed: Any, tmp_path: Path
) -> None:
    omni, _ = relayed([Cut(466, 1000, mute=True)])
    with pytest.raises(UnavailableError, match="after 466 messages"):
        omni.support.save("talos-default", tmp_path / "bundle.zip")
    assert not (tmp_path / "bundle.zip").exists()
