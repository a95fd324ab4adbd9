"""`omni-api simulator` serves what the other commands talk to."""

from __future__ import annotations

from cli_program import Open, Run


def test_it_serves_with_the_options_given_until_ctrl_c(terminal: Open, run: Run) -> None:
    child = terminal("simulator", "--role", "Reader")
    child.expect_exact("OMNI_SERVICE_ACCOUNT_KEY_READER=")
    lines = f"{child.before}{child.after}{child.readline()}".split()
    said = dict(line.split("=", 1) for line in lines)
    env = {
        "OMNI_ENDPOINT": said["OMNI_ENDPOINT"],
        "OMNI_SERVICE_ACCOUNT_KEY": said["OMNI_SERVICE_ACCOUNT_KEY_READER"],
    }
    ended = run("user", "list", env=env)
    assert 'insufficient role: "Reader"' in ended.err
    child.sendintr()
    child.wait()
    assert child.exitstatus == 0


def test_an_address_that_is_taken_is_told(run: Run) -> None:
    ended = run("simulator", "--listen", "256.0.0.1:1")
    assert ended.status == 1
    assert "cannot listen on 256.0.0.1:1" in ended.err


def test_an_address_that_is_none_is_a_mistake_in_the_command_line(run: Run) -> None:
    ended = run("simulator", "--listen", "somewhere")
    assert ended.status == 2
    assert "write it as 9100 or 0.0.0.0:9100" in ended.err
