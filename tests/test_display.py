"""The ready display: bars where a person looks, nothing where a program reads."""

from __future__ import annotations

import asyncio
import errno
import io
import logging
import os
import pty
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sample_calls import one_machine

import omni_api_async
from omni_api import (
    ClosedError,
    InvalidInputError,
    MissingLibraryError,
    OmniClient,
    PartProgress,
    Progress,
    display,
)
from omni_api._bars import Notebook, Rich, Silence, painter
from omni_api.display import readable
from omni_api.simulator import Simulator

STYLES = pytest.mark.parametrize("style", ["rich", "tqdm"])
REPORT = Progress(
    parts=(
        PartProgress(name="omni", done=55, total=55),
        PartProgress(name="cluster", done=12, total=411, errors=3),
        PartProgress(name="events", done=7, unit="events"),
    ),
    latest="collect [bold]dmesg.log",
)
DONE = Progress(parts=(PartProgress(name="omni", done=55, total=55),), finished=True)


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@STYLES
def test_a_terminal_that_was_closed_ends_no_operation_and_leaves_no_thread(
    style: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, f"Input/output error at {len(text)} characters")

    before = threading.active_count()
    with (
        caplog.at_level(logging.INFO, "omni_api"),
        display.bars(style=style, file=Gone()) as show,
    ):
        show(REPORT)
        show(DONE)
    assert threading.active_count() == before
    assert style == "tqdm" or "no more progress is shown" in caplog.text  # tqdm tells nobody


@STYLES
def test_every_part_has_a_bar_with_its_count_and_its_errors(style: Any) -> None:
    out = io.StringIO()
    with display.bars(style=style, file=out) as show:
        show(REPORT)
    text = out.getvalue()
    assert "omni" in text
    assert "55/55" in text
    assert "12/411" in text
    assert "3 failed" in text
    assert "7 events" in text
    assert "collect [bold]dmesg.log" in text


@STYLES
def test_what_came_last_is_drawn_even_if_it_came_at_once(style: Any) -> None:
    out = io.StringIO()
    with display.bars(style=style, file=out) as show:
        for number in range(1000):
            show(Progress(parts=(PartProgress(name="omni", done=number, total=999),)))
    text = out.getvalue()
    assert "999/999" in text
    assert len(text) < 20_000


@STYLES
def test_the_terminal_is_given_back_when_the_block_fails(style: Any) -> None:
    out, before = Terminal(), (sys.stdout, sys.stderr)
    with pytest.raises(ZeroDivisionError), display.bars(style=style, file=out) as show:
        show(REPORT)
        raise ZeroDivisionError
    assert (sys.stdout, sys.stderr) == before
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h")
    assert out.getvalue().endswith(("\n", "\x1b[?25h"))


@STYLES
def test_text_of_a_server_cannot_steer_the_terminal(style: Any) -> None:
    out = io.StringIO()
    with display.bars(style=style, file=out) as show:
        show(Progress(parts=(PartProgress(name="\x1b]0;a", done=1),), latest="\x1b[2Jb\rc"))
    assert "\x1b]0;" not in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()
    assert "b\N{REPLACEMENT CHARACTER}c" in out.getvalue()


def test_a_pipe_gets_nothing() -> None:
    out = io.StringIO()
    with display.bars(file=out) as show:
        show(REPORT)
        show(DONE)
    assert out.getvalue() == ""


def test_a_closed_output_is_no_reason_to_fail() -> None:
    out = Terminal()
    out.close()
    with display.bars(file=out) as show:
        show(REPORT)
    assert isinstance(show._painter, Silence)


def test_a_terminal_gets_bars_of_rich() -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as out:
        assert isinstance(painter("auto", out), Rich)
    os.close(master)


def test_a_notebook_gets_a_table_below_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(kernel=object(), config={})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    assert isinstance(painter("auto", io.StringIO()), Notebook)


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert isinstance(painter("auto", Terminal()), Rich)
    assert isinstance(painter("auto", io.StringIO()), Silence)


def test_a_style_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="auto, rich, notebook, tqdm, none, not 'curses'"):
        display.bars(style="curses")  # type: ignore[arg-type]


@STYLES
def test_a_style_whose_library_is_missing_says_what_to_install(
    style: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, {"rich": "rich", "tqdm": "tqdm.auto"}[style], None)
    with pytest.raises(MissingLibraryError, match=r"sidero-omni-api\[progress\]"):
        display.bars(style=style)


def test_without_libraries_a_terminal_gets_nothing_and_the_log_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    out = Terminal()
    with caplog.at_level(logging.INFO, "omni_api"), display.bars(file=out) as show:
        show(REPORT)
    assert out.getvalue() == ""
    assert len(caplog.messages) == 1
    assert "pip install 'sidero-omni-api[progress]'" in caplog.messages[0]


def test_a_display_shows_inside_its_block_only() -> None:
    show = display.bars(style="none")
    with pytest.raises(ClosedError, match="inside its with block"):
        show(REPORT)
    with show:
        show(REPORT)
    with pytest.raises(ClosedError, match="inside its with block"):
        show(DONE)


def test_what_is_printed_into_a_pipe_stays_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = Terminal()
    with display.bars(file=out) as show:
        show(REPORT)
        print("for the next program")
    assert capsys.readouterr().out == "for the next program\n"
    assert "next program" not in out.getvalue()


# ---- With the client ------------------------------------------------------------------------


@STYLES
def test_a_support_bundle_is_shown_as_it_is_collected(omni: Any, style: Any, tmp_path: Any) -> None:
    out = io.StringIO()
    with display.bars(style=style, file=out) as show:
        omni.support.save("talos-default", tmp_path, on_progress=show)
    assert "411/411" in out.getvalue()
    assert "12 failed" in out.getvalue()
    assert "saved " in out.getvalue()


@pytest.fixture
def machine(simulator: Simulator) -> str:
    return one_machine(simulator)


@pytest.fixture
def blocking(simulator: Simulator) -> Iterator[OmniClient]:
    with OmniClient.from_env(environ=simulator.environment()) as client:
        yield client


@STYLES
def test_a_followed_stream_is_counted_with_bytes_and_rate(
    blocking: OmniClient, machine: str, style: Any
) -> None:
    out = io.StringIO()
    with (
        display.bars(style=style, file=out) as show,
        blocking.management.machine_logs(machine_id=machine, tail_lines=30) as log,
    ):
        lines = list(show.watch(log, "lines"))
    assert len(lines) == 30
    assert f"30 lines, {readable(log.bytes_received)}, " in out.getvalue()
    assert " lines/s" in out.getvalue()


def test_a_break_ends_the_stream(blocking: OmniClient, machine: str) -> None:
    with display.bars(style="none") as show:
        log = blocking.management.machine_logs(machine_id=machine, follow=True)
        for _ in show.watch(log):
            break
    assert "closed" in repr(log)


async def _watched(simulator: Simulator, machine: str, out: io.StringIO) -> list[Any]:
    async with omni_api_async.OmniClient.from_env(environ=simulator.environment()) as omni:
        with display.bars(style="rich", file=out) as show:
            async with omni.management.machine_logs(machine_id=machine, tail_lines=30) as log:
                return [line async for line in show.watch(log, "lines")]


def test_a_stream_of_the_asyncio_package_is_watched_in_its_loop(
    simulator: Simulator, machine: str
) -> None:
    out = io.StringIO()
    with asyncio.Runner() as runner:
        assert len(runner.run(_watched(simulator, machine, out))) == 30
    assert "30 lines, " in out.getvalue()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (2_500_000, "2.5 MB"),
        (10**15, "1,000.0 TB"),
    ],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert readable(size) == text


def test_a_notebook_shows_names_of_a_server_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    handle = SimpleNamespace(update=lambda shown: drawn.append(shown.data))

    def show(shown: Any, *, display_id: bool) -> Any:
        assert display_id
        drawn.append(shown.data)
        return handle

    monkeypatch.setattr("IPython.display.display", show)
    name = "<script>alert(1)</script>"
    with display.bars(style="notebook") as bars:
        bars(REPORT)
        bars(Progress(parts=(PartProgress(name=name, done=1),), latest=name, finished=True))
    assert len(drawn) == 2
    assert "3 failed" in drawn[0]
    assert '<progress value="12" max="411">' in drawn[0]
    assert "<script>" not in drawn[1]
    assert "&lt;script&gt;" in drawn[1]
