"""Runs pieces of Python as a reader would type them: one namespace, top-level await allowed."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import sys
from types import TracebackType
from typing import Any, Literal, Self


class Session:
    """One reader at one prompt: what a piece defines, the next one knows.

    Pieces with `await` run on a loop of the session's own, which lives as long as the session, as
    that of a notebook does. Pieces without run outside of it, as those of a script do.
    """

    def __init__(self, **names: Any) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__", **names}
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What the pieces forgot goes while its loop still runs.
        self.names.clear()
        self._runner.close()

    def run(self, source: str, *, where: str, mode: Literal["exec", "single"] = "exec") -> str:
        """Run a piece and return what it printed.

        Args:
            source: The piece.
            where: What to call it in a traceback.
            mode: "single" also shows the value of an expression, as the prompt does.
        """
        code = compile(source, where, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        printed = io.StringIO()
        shown, sys.displayhook = sys.displayhook, sys.__displayhook__
        try:
            with contextlib.redirect_stdout(printed):
                if code.co_flags & inspect.CO_COROUTINE:
                    self.run_async(eval(code, self.names))
                else:
                    exec(code, self.names)
        finally:
            sys.displayhook = shown
        return printed.getvalue()

    def run_async(self, coroutine: Any) -> Any:
        """Run a coroutine on the loop of this session."""
        return self._runner.run(coroutine)
