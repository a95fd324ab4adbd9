"""A Ctrl-C that Python loses is heard all the same."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator

import pytest
from cli_program import Run

import omni_api.cli
import omni_api.cli.failures
from omni_api.cli.interruptions import heard
from omni_api.cli.session import Session


class Gone:
    """Ctrl-C strikes while it goes, where Python throws every error away."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def _ctrl_c_is_heard() -> Iterator[None]:
    """Whoever starts the tests in the background has Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_is_heard")
def test_an_interruption_that_strikes_where_python_loses_it_is_repeated() -> None:
    with heard():
        gone = [Gone()]
        gone.clear()
        with pytest.raises(KeyboardInterrupt):
            threading.Event().wait(10)


def test_other_errors_that_python_throws_away_are_told_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda error: told.append(error.exc_type))

    class Odd:
        def __del__(self) -> None:
            raise ValueError

    with heard():
        odd = [Odd()]
        odd.clear()
    assert told == [ValueError]


def test_ctrl_c_while_the_program_starts_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Struck:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "omni_api.cli.failures":
                raise KeyboardInterrupt

    monkeypatch.delattr(omni_api.cli, "failures")
    monkeypatch.delitem(sys.modules, "omni_api.cli.failures")
    monkeypatch.setattr(sys, "meta_path", [Struck, *sys.meta_path])
    assert omni_api.cli.main(["user", "list"]) == 130


def test_an_interruption_that_python_turned_into_another_error_is_still_one(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def struck(_session: object) -> None:
        lock = threading.Condition(threading.Lock())
        with lock:
            lock.release()  # as in the midst of a wait
            raise KeyboardInterrupt

    monkeypatch.setattr(Session, "client", struck)
    ended = run("user", "list")
    assert ended.status == 130
    assert ended.err.strip() == "interrupted"
