"""`omni-api validate`: lets the server check a file; what is wrong with it is the answer."""

from __future__ import annotations

import re
from pathlib import Path

import click

from omni_api import JsonSchemaError
from omni_api.cli.failures import Failure
from omni_api.cli.files import INPUT, text_of
from omni_api.cli.options import Group
from omni_api.cli.output import Column
from omni_api.cli.session import Session, pass_session
from omni_api.errors import InvalidArgumentError


def _fragment(error: JsonSchemaError) -> str:
    # What precedes it is a directory of the server.
    return "#" + error.schema_path.partition("#")[2]


_COLUMNS: tuple[Column[JsonSchemaError], ...] = (
    ("DATA PATH", lambda error: error.data_path or "/"),
    ("CAUSE", lambda error: error.cause),
    ("SCHEMA PATH", _fragment),
)

# How Go writes that several things are wrong at once.
_SEVERAL = re.compile(r"\d+ errors? occurred:\n\t\* (?P<list>.*)", re.DOTALL)


@click.group(cls=Group)
def command() -> None:
    """Let the server check a machine config patch or a document.

    What is wrong goes to standard output, and then the exit status is 1. Any key will do.
    """


@command.command()
@click.argument("file", type=INPUT, help="The patch as YAML; `-` for standard input.")
@pass_session
def config(session: Session, file: Path) -> None:
    """Check a patch of a Talos machine config.

    It has to be valid by itself, and must not set what Omni manages.

    \b
    Examples:
      omni-api validate config patch.yaml
      cat patch.yaml | omni-api validate config -
    """
    patch = text_of(file)
    try:
        session.client().management.validate_config(config=patch)
    except InvalidArgumentError as error:
        problems = _problems(error.details)
        session.out.show(problems, [("PROBLEM", str)], name=str)
        raise Failure(_count(str(file), len(problems))) from error
    if session.output in ("json", "yaml"):
        session.out.document([])
    session.note(f"{file} is valid")


@command.command()
@click.option("--schema", required=True, type=INPUT, help="The JSON schema.")
@click.option(
    "--data", type=INPUT, default="-", help="The document, JSON or YAML.  [default: standard input]"
)
@pass_session
def schema(session: Session, *, schema: Path, data: Path) -> None:
    """Check a document against a JSON schema.

    \b
    Examples:
      omni-api validate schema --schema schema.json --data values.yaml
      cat values.yaml | omni-api validate schema --schema schema.json
    """
    if str(schema) == str(data) == "-":
        raise click.UsageError("Only one of --schema and --data can be standard input.")
    found = session.client().management.validate_json_schema(
        schema=text_of(schema), data=text_of(data)
    )
    if found.errors:
        session.out.show(found.errors, _COLUMNS, name=lambda error: error.data_path or "/")
        raise Failure(_count(str(data), len(found.errors)))
    if session.output in ("json", "yaml"):
        session.out.document([])
    session.note(f"{data} is valid")


def _problems(details: str) -> list[str]:
    found = _SEVERAL.fullmatch(details)
    if found is None:
        return [details.strip()]
    return [problem.strip() for problem in found["list"].split("\n\t* ")]


def _count(name: str, number: int) -> str:
    return f"{name} is not valid: {number} problem{'s' if number > 1 else ''}"
