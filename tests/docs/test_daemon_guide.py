"""The guide of the audit daemon: its configurations fit the daemon, its tables say what is so."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pages import CONFIGS, ROOT, blocks, help_of, rows

from omni_api.audit.__main__ import _parser
from omni_api.audit._daemon.metrics import Status, readings
from omni_api.audit._daemon.names import outdated

PAGE = ROOT / "docs" / "guides" / "audit-daemon.md"


def values(config: Any) -> Iterator[str]:
    """Every text in a configuration; a list of texts also as one command."""
    if isinstance(config, dict):
        for value in config.values():
            yield from values(value)
    elif isinstance(config, list):
        if all(isinstance(value, str) for value in config):
            yield shlex.join(config)
        for value in config:
            yield from values(value)
    elif isinstance(config, str):
        yield config


def configured() -> list[str]:
    """Every text of the configurations on the page of the daemon."""
    return [
        value
        for block in blocks(PAGE)
        if block.language in CONFIGS
        for value in values(CONFIGS[block.language](block.text))
    ]


def test_configurations_start_the_daemon_with_options_that_it_takes() -> None:
    started = [value.partition("-m omni_api.audit ")[2] for value in configured()]
    started = [options for options in started if options]
    assert started
    for options in started:
        assert _parser().parse_args(shlex.split(options)).start == "oldest"


def test_shippers_read_the_files_that_the_daemon_writes_and_nothing_else() -> None:
    unit = (ROOT / "docs" / "deploy" / "omni-audit.service").read_text("utf-8")
    directory = Path(re.findall(r"--output (\S+)", unit)[0])
    patterns = [value for value in configured() if "*" in value and value.startswith("/")]
    assert len(set(patterns)) == 1
    name = re.findall(r"`(audit-log-\d+T\d+Z-\d+\.jsonl)`", PAGE.read_text("utf-8"))[0]
    newer, day = "audit-log-20261231T000000Z-9.jsonl", date(2026, 12, 31)
    (written,) = outdated([name], newer, day, keep_files=1, keep_days=None)
    for pattern in patterns:
        assert fnmatch.fnmatchcase(str(directory / written), pattern)
        assert not fnmatch.fnmatchcase(str(directory / "checkpoint.json"), pattern)


def test_the_guide_of_the_daemon_lists_exit_codes_and_metrics_as_they_are() -> None:
    help_text = " ".join(help_of("omni_api.audit").split())
    codes = rows(PAGE, "| exit code | meaning |")
    assert [code for code, _ in codes] == ["0", "1", "2", "3", "4"]
    for code, meaning in codes[1:]:
        assert f"{code} {meaning.replace('`', '')}" in help_text
    now = datetime.now(UTC)
    full = Status(last_id=1, last_time=now, checkpoint_id=1, contact=0.0)
    served = {
        f"omni_audit_{name}{'_total' if kind == 'counter' else ''}"
        for kind, name, _, _ in readings(full, now, 1.0)
    }
    listed = {name.strip("`") for name, _ in rows(PAGE, "| metric | meaning |")}
    assert listed == served
