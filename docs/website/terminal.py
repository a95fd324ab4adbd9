"""Writes the pages of the terminal program from the program: one for every command.

Options, arguments, defaults and exit codes are those that click knows, so they cannot differ from
what `--help` says.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

TOP = ("terminal/index.md",)
"""What the sidebar shows of it; the commands are below."""

_SPECIAL = re.compile(r"(`[^`]*`)|([<>*\[\]_\\])")


def pages(program: click.Group) -> dict[str, str]:
    """Return the pages of a program, by their path in the site."""
    name = program.name or "omni-api"
    top = click.Context(program, info_name=name)
    found = {child: _command(program, top, child) for child in program.list_commands(top)}
    shown = {child: command for child, command in found.items() if not command.hidden}
    index = [
        f"# Terminal: {name}",
        *_described(program, top),
        "## Commands",
        *(
            f"[`{child}`]({child}.md)\n: {_marked(command.get_short_help_str(200))}"
            for child, command in shown.items()
        ),
        "```{toctree}\n:hidden:\n\n" + "\n".join(shown) + "\n```",
    ]
    return {
        "terminal/index.md": _joined(index),
        **{
            f"terminal/{child}.md": _joined(_sections(command, top, child, 1))
            for child, command in shown.items()
        },
    }


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _command(group: click.Group, context: click.Context, name: str) -> click.Command:
    command = group.get_command(context, name)
    if command is None:
        raise ValueError(f"{context.command_path} lists {name}, and has no such command")
    return command


def _sections(command: click.Command, parent: click.Context, name: str, depth: int) -> list[str]:
    """Return a command and all below it, each with a heading."""
    context = click.Context(command, info_name=name, parent=parent)
    parts = [f"{'#' * depth} {context.command_path}", *_described(command, context)]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = _command(command, context, child)
            if not found.hidden:
                parts += _sections(found, context, child, min(depth + 1, 6))
    return parts


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    """Say all that the help of a command says."""
    if command.deprecated:
        yield "**Deprecated.**"
    yield _prose(command.help or "")
    yield (
        "```text\n"
        + " ".join([context.command_path, *command.collect_usage_pieces(context)])
        + "\n```"
    )
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    if arguments:
        yield "**Arguments**"
        yield "\n\n".join(_argument(one, context) for one in arguments)
    records = [
        _option(one, context)
        for one in command.get_params(context)
        if isinstance(one, click.Option) and not one.hidden
    ]
    if records:
        yield "**Options**"
        yield "\n\n".join(records)
    yield _prose(command.epilog or "")


def _argument(argument: click.Argument, context: click.Context) -> str:
    name = argument.make_metavar(context)
    count = "Any number of them." if argument.nargs < 0 else ""
    need = "" if argument.required else "May be left out."
    text = " ".join(filter(None, [getattr(argument, "help", None), count, need])) or "Needed."
    return f"`{name}`\n: {_marked(text)}"


def _option(option: click.Option, context: click.Context) -> str:
    names, text = option.get_help_record(context) or ("", "")
    # A line of its own for each spelling would be too many; click writes "-f, --follow TEXT".
    shown = ", ".join(f"`{name.strip()}`" for name in re.split(r", | / ", names))
    return f"{shown}\n: {_marked(' '.join(text.split()))}"


def _prose(text: str) -> str:
    r"""Return help text as Markdown: click keeps the lines of a paragraph that begins with `\b`."""
    paragraphs = inspect.cleandoc(text.partition("\f")[0]).split("\n\n")
    return "\n\n".join(
        "```text\n" + paragraph.removeprefix("\b").strip("\n") + "\n```"
        if paragraph.startswith("\b")
        else _marked(paragraph)
        for paragraph in paragraphs
    )


def _marked(text: str) -> str:
    """Return text whose signs mean themselves, save what stands in backticks."""
    return _SPECIAL.sub(lambda found: found[1] or f"\\{found[2]}", text)
