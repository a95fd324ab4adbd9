"""Shells complete the program's commands and options."""

from __future__ import annotations

from cli_program import Run


def test_the_names_of_commands_are_completed(run: Run) -> None:
    env = {"_OMNI_API_COMPLETE": "bash_complete", "COMP_WORDS": "omni-api us", "COMP_CWORD": "1"}
    assert run(env=env).lines == ["plain,user"]


def test_each_shell_gets_its_script(run: Run) -> None:
    for shell, word in (("bash", "compopt"), ("zsh", "compadd"), ("fish", "complete --no-files")):
        ended = run("completion", shell)
        assert ended.status == 0
        assert word in ended.out
        assert "_OMNI_API_COMPLETE" in ended.out


def completed(run: Run, line: str, **env: str) -> list[str]:
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    ended = run(env={"_OMNI_API_COMPLETE": "bash_complete", **asked, **env})
    assert ended.err == ""
    return [found.removeprefix("plain,") for found in ended.out.split()]


def test_names_that_only_the_server_knows_are_completed(run: Run) -> None:
    assert completed(run, "omni-api user delete op") == ["operator@example.org"]
    assert "auditor@example.org" in completed(run, "omni-api user set-role a")
    assert completed(run, "omni-api download rpi") == ["rpi_generic.raw.xz"]
    assert run("jointoken", "create", "rack-7").status == 0
    assert completed(run, "omni-api jointoken revoke ra") == ["rack-7"]


def test_a_server_that_cannot_be_reached_completes_nothing_and_says_nothing(run: Run) -> None:
    assert completed(run, "omni-api user delete op", OMNI_ENDPOINT="grpc://127.0.0.1:1") == []
