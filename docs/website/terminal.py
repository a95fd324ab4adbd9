"""Writes the pages of the terminal program from the program: one for every command.

Options, arguments, defaults and exit codes are those that click knows, so they cannot differ from
what `--help` says.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import click

TOP = ("terminal/index.md",)
"""What the sidebar shows of it; the commands are below."""

_SPECIAL = re.compile(r"(`[^`]*`)|([<>*\[\]_\\])")


def pages(program: click.Group, name: str, sections: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the pages of a program, by their path in the site.

    Args:
        program: The program.
        name: What people type to run it.
        sections: How its help groups the commands: names by title.
    """
    top = program.context_class(program, info_name=name)
    found = {child: _command(program, top, child) for child in program.list_commands(top)}
    found = {child: command for child, command in found.items() if not command.hidden}
    listed = {title: [one for one in names if one in found] for title, names in sections.items()}
    if sorted(child for names in listed.values() for child in names) != sorted(found):
        raise ValueError(f"not every command of {name} is in one section")
    index = [
        f"# {name}",
        *_told(program, top),
        *(_section(title, {one: found[one] for one in names}) for title, names in listed.items()),
        *_taken(program, top, options="## Common options"),
        "```{toctree}\n:hidden:\n\n" + "\n".join(chain(*listed.values())) + "\n```",
    ]
    return {
        "terminal/index.md": _joined(index),
        **{
            f"terminal/{child}.md": _joined(_sections(command, top, child, 1))
            for child, command in found.items()
        },
    }


def _section(title: str, commands: Mapping[str, click.Command]) -> str:
    lines = (
        f"[`{name}`]({name}.md)\n: {_marked(command.get_short_help_str(200))}"
        for name, command in commands.items()
    )
    return "\n\n".join([f"## {_marked(title)}", *lines])


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _command(group: click.Group, context: click.Context, name: str) -> click.Command:
    command = group.get_command(context, name)
    if command is None:
        raise ValueError(f"{context.command_path} lists {name}, and has no such command")
    return command


def _sections(command: click.Command, parent: click.Context, name: str, depth: int) -> list[str]:
    """Return a command and all below it, each with a heading."""
    context = command.context_class(command, info_name=name, parent=parent)
    parts = [
        f"{'#' * depth} {context.command_path}",
        *_told(command, context),
        *_taken(command, context),
    ]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = _command(command, context, child)
            if not found.hidden:
                parts += _sections(found, context, child, min(depth + 1, 6))
    return parts


def _told(command: click.Command, context: click.Context) -> Iterator[str]:
    """Say what a command does."""
    if command.deprecated:
        yield "**Deprecated.**"
    yield _prose(command.help or "")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```"


def _taken(
    command: click.Command, context: click.Context, options: str = "**Options**"
) -> Iterator[str]:
    """Say what a command takes, and how it ends."""
    if arguments := [one for one in command.params if isinstance(one, click.Argument)]:
        yield "**Arguments**"
        yield "\n\n".join(_argument(one, context) for one in arguments)
    shown, shared = _options(command, context), _shared(context)
    if own := [one for one in shown if one not in shared]:
        yield options
        yield "\n\n".join(own)
    if len(own) < len(shown):
        yield "It also takes the [common options](index.md#common-options)."
    yield _epilog(command, context)


def _options(command: click.Command, context: click.Context) -> list[str]:
    return [
        _option(one, context)
        for one in command.get_params(context)
        if isinstance(one, click.Option) and not one.hidden
    ]


def _shared(context: click.Context) -> list[str]:
    """Return the options that the program itself takes, too: they are told once."""
    root = context.find_root()
    return [] if context is root else _options(root.command, root)


def _epilog(command: click.Command, context: click.Context) -> str:
    # As click writes it, since a program may put more there than a text of its own.
    formatter = click.HelpFormatter(width=88)
    command.format_epilog(context, formatter)
    text = textwrap.dedent(formatter.getvalue()).strip("\n")
    return f"```text\n{text}\n```" if text else ""


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
