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
