"""A group of commands that also does something by itself: `audit-log` prints the log.

Whatever does not begin with the name of a command belongs to the default one, which has a hidden
name of its own.
"""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from omni_api.cli.options import Group

__all__ = ["DefaultGroup"]


class DefaultGroup(Group):
    """A group with a default command, whose arguments and options it shows as its own.

    Args:
        name: What the group is called.
        default: Name of the command that runs when no other one is named.
    """

    def __init__(self, name: str | None = None, *, default: str, **settings: Any) -> None:
        # An option of the default command is none of the group: it is left for the command.
        settings["context_settings"] = {"ignore_unknown_options": True}
        super().__init__(name, no_args_is_help=False, invoke_without_command=True, **settings)
        self.default = default

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named, or the default one."""
        value = super().invoke(ctx)
        if ctx.invoked_subcommand is not None:
            return value
        with ctx:
            command = self.commands[self.default]
            with command.make_context(self.default, [], parent=ctx) as own:
                return command.invoke(own)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names, or else the default one with all."""
        if not args or self.get_command(ctx, args[0]) is None:
            args = [self.default, *args]
        return super().resolve_command(ctx, args)

    def shown_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Show the parameters of the default command."""
        return self.commands[self.default].get_params(ctx)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write how the default command is used, and how the others are."""
        pieces = self.commands[self.default].collect_usage_pieces(ctx)
        formatter.write_usage(ctx.command_path, " ".join(pieces))
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...", prefix="       ")

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments of the default command."""
        self.commands[self.default].format_arguments(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the commands' names, and the options of the default command."""
        own = super().shell_complete(ctx, incomplete)
        known = {item.value for item in own}
        more = self.commands[self.default].shell_complete(ctx, incomplete)
        return own + [item for item in more if item.value not in known]
