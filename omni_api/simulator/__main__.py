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
from collections.abc import Iterator, Sequence

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
    return serve(**vars(parser.parse_args(arguments)))


def serve(
    *,
    listen: str = "127.0.0.1:0",
    api_url: str | None = None,
    tls: bool = False,
    roles: Sequence[str] = (),
    machines: int | None = None,
    audit_events: int | None = None,
    legacy: bool = False,
) -> int:
    """Serve until SIGINT or SIGTERM, with the client's variables on standard output.

    Args:
        listen: Address to listen on, `HOST:PORT`; port 0 takes a free one.
        api_url: The URL that configs advertise. Default: where it listens.
        tls: Serve TLS with a certificate made now.
        roles: Also print keys of service accounts with these roles.
        machines: How many machines there are at least.
        audit_events: How many events of the last 30 days the audit log holds.
        legacy: Answer as Omni 1.2.

    Returns:
        The exit status.
    """
    told: list[int] = []
    # Before the start, so that an early signal is not lost.
    with _told_by_signals(told):
        try:
            simulator = Simulator(
                listen=listen,
                api_url=api_url,
                tls=tls,
                machines=machines,
                audit_events=audit_events,
                legacy=legacy,
            ).start()
        except (RuntimeError, ValueError) as error:
            print(f"cannot listen on {listen}: {error}", file=sys.stderr)
            return 1
        with simulator:
            _print_variables(simulator, roles)
            # Not one endless wait: Python runs a handler only when the main thread wakes, and
            # setting an Event inside one can lock up with the wait on it.
            pause = threading.Event()
            while not told:
                pause.wait(0.1)
    return 0


@contextlib.contextmanager
def _told_by_signals(told: list[int]) -> Iterator[None]:
    """Note SIGINT and SIGTERM instead of ending, and give them back in the end."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _frame: told.append(got)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


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
