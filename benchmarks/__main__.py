"""Measure this library beside the plain grpcio stub: one command, one table.

The server is a simulator in a process of its own. It is written in Python too and answers more
slowly than the client can read, so name a faster one with --target, which has to speak plaintext
and let every key in: streams and calls are then read from there, at the client's own limit. The
follow streams are always the simulator's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

import grpc

from benchmarks import follows, official, start, streams, unary
from benchmarks.measure import Row, heading
from benchmarks.server import running, simulator

SECTIONS = ("streams", "unary", "start", "follows")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    chosen = _parser().parse_args(arguments)
    with simulator(chosen.events) as simulated:
        server = running(chosen.target) if chosen.target else simulated
        sections = {
            "streams": lambda: streams.rows(server, chosen.runs),
            "unary": lambda: unary.rows(server, chosen.runs, chosen.calls, chosen.in_flight),
            "start": lambda: start.rows(server, chosen.runs),
            "follows": lambda: follows.rows(simulated, chosen.follows),
        }
        print(f"Python {sys.version.split()[0]}, grpcio {grpc.__version__}")
        print(heading())
        for name in chosen.only or SECTIONS:
            _show(sections[name]())
    if chosen.omnictl:
        _show(official.rows(chosen.runs))
    return 0


def _show(rows: Iterator[Row]) -> None:
    for row in rows:
        print(row, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--target", metavar="HOST:PORT", help="a plaintext server that runs already")
    add("--events", type=int, default=50_000, metavar="N", help="events that the simulator has")
    add("--calls", type=int, default=4_096, metavar="N", help="unary calls of one run")
    add("--in-flight", type=int, default=256, metavar="N", help="unary calls at a time")
    add("--follows", type=int, default=1_000, metavar="N", help="follow streams; at most 1,100")
    add("--runs", type=int, default=5, metavar="N", help="how often each side runs")
    add("--only", nargs="+", choices=SECTIONS, help="the sections to run; default: all")
    add("--omnictl", action="store_true", help="also the PyPI client of that name, from PyPI")
    return parser


if __name__ == "__main__":
    sys.exit(main())
