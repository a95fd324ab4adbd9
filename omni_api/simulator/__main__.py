"""`python -m omni_api.simulator`: serve until interrupted, with the client's variables on stdout.

Standard output holds shell assignments and nothing else, so a script can `eval` the first lines
and leave the server running behind them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence

from omni_api.simulator._call import ROLES
from omni_api.simulator._server import Simulator


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m omni_api.simulator",
        description="Serve a simulated Omni on this machine until SIGINT or SIGTERM.",
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default="127.0.0.1:0",
        help="address to listen on; port 0 takes a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--api-url",
        metavar="URL",
        help="the URL that configs advertise (default: where it listens)",
    )
    parser.add_argument("--tls", action="store_true", help="serve TLS with a certificate made now")
    parser.add_argument(
        "--role",
        dest="roles",
        metavar="ROLE",
        action="extend",
        nargs="+",
        choices=ROLES,
        default=[],
        help="also print the key of a service account with this role "
        f"({', '.join(ROLES)}); may be repeated",
    )
    parser.add_argument(
        "--machines", type=_number, metavar="N", help="how many machines there are at least"
    )
    parser.add_argument(
        "--audit-events",
        type=_number,
        metavar="N",
        help="how many events of the last 30 days the audit log holds",
    )
    parser.add_argument("--legacy", action="store_true", help="answer as Omni 1.2")
    chosen = parser.parse_args(arguments)
    # Before the start, so that an early signal is not lost.
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: told.append(got))
    try:
        simulator = Simulator(
            listen=chosen.listen,
            api_url=chosen.api_url,
            tls=chosen.tls,
            machines=chosen.machines,
            audit_events=chosen.audit_events,
            legacy=chosen.legacy,
        ).start()
    except (RuntimeError, ValueError) as error:
        print(f"cannot listen on {chosen.listen}: {error}", file=sys.stderr)
        return 1
    with simulator:
        _print_variables(simulator, chosen.roles)
        # Not one endless wait: Python runs a handler only when the main thread wakes, and setting
        # an Event inside one can lock up with the wait on it.
        pause = threading.Event()
        while not told:
            pause.wait(0.1)
    return 0


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        msg = f"not a number: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _print_variables(simulator: Simulator, roles: Sequence[str]) -> None:
    variables = simulator.environment()
    for role in dict.fromkeys(roles):
        key = simulator.service_account_key(role)
        variables[f"OMNI_SERVICE_ACCOUNT_KEY_{role.upper()}"] = key
    try:
        for name, value in variables.items():
            print(f"{name}={value}", flush=True)
    except BrokenPipeError:
        # Who reads may stop after the lines it wants. Python would complain again at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
