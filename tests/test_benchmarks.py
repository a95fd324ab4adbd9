"""The benchmarks can be run; what they measure is looked at by hand, since machines differ."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import main
from benchmarks.measure import Row, Target


def test_every_section_prints_its_rows_beside_the_plain_stub(
    capsys: pytest.CaptureFixture[str],
) -> None:
    few = ["--events", "50", "--calls", "2", "--in-flight", "2", "--follows", "3", "--runs", "1"]
    assert main([*few, "--only", "streams", "unary", "follows"]) == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 6 + 3 + 2
    assert "| 3 follow streams with asyncio, those that deliver" in table[-1]
    assert table[-1].endswith("| yes    |")


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("ratio", "<=", 2), True),
        (Target("ratio", ">=", 2.1), False),
        (Target("figure", "<=", 19), False),
        (Target("difference", "<=", 10), True),
    ],
)
def test_a_row_says_whether_its_target_is_met(*, target: Target, met: bool) -> None:
    row = Row(what="calls", unit="us", plain=10, ours=20, ratio=2, target=target)
    assert target.is_met(row) is met
    assert str(row).endswith("| yes    |" if met else "| MISSED |")
