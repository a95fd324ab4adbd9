"""Every example in a docstring runs, and every method of the facades has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import grpc
import pytest
from snippets import Session

import omni_api
import omni_api_async
from omni_api import ServiceAccountKey
from omni_api.simulator import Simulator

PACKAGES = (omni_api, omni_api_async)
# The text that the generator copies into the facades, where it is run; and a program.
NOT_WALKED = ("omni_api._composed.", "omni_api.simulator.__main__")
CHECKER = doctest.OutputChecker()


@attrs.frozen
class Documented:
    """A docstring and where it stands."""

    name: str
    text: str

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def examples(self) -> list[doctest.Example]:
        return doctest.DocTestParser().get_examples(self.text, self.name)


def modules() -> Iterator[Any]:
    for package in PACKAGES:
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.startswith(NOT_WALKED):
                yield importlib.import_module(found.name)


def documented() -> Iterator[Documented]:
    """Every docstring of both packages, once."""
    for module in modules():
        yield Documented(module.__name__, module.__doc__ or "")
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) == module.__name__:
                yield from _below(f"{module.__name__}.{name}", value)


def _below(name: str, value: Any) -> Iterator[Documented]:
    if inspect.isclass(value):
        # An enum, for example, also refers to classes of Python's own.
        if value.__module__.startswith(("omni_api.", "omni_api_async.")):
            yield Documented(name, value.__doc__ or "")
            for member, inner in vars(value).items():
                yield from _below(f"{name}.{member}", inner)
    elif isinstance(value, property):
        yield Documented(name, value.__doc__ or "")
    elif isinstance(value, classmethod | staticmethod):
        yield Documented(name, value.__func__.__doc__ or "")
    elif inspect.isfunction(value):
        yield Documented(name, value.__doc__ or "")


def plain_example(one: Documented) -> str:
    """The code of an Example section without prompts, which shows no output."""
    found = PLAIN.search(inspect.cleandoc(one.text) + "\n")
    return textwrap.dedent(found[1]) if found and ">>>" not in found[1] else ""


PLAIN = re.compile(r"^Example:\n((?:    .*\n|\n)+)", re.MULTILINE)
ALL = list(documented())
WITH_EXAMPLE = [one for one in ALL if one.examples]
FACADES = tuple(
    f"{package.__name__}._gen.{module}."
    for package in PACKAGES
    for module in (
        "management",
        "auth",
        "audit_log",
        "boot_assets",
        "join_tokens",
        "kubernetes",
        "machines",
        "resources",
        "service_accounts",
        "support",
    )
)


@pytest.fixture(autouse=True)
def _environment(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("SIDERO_SERVICE_ACCOUNT_KEY", raising=False)
    monkeypatch.delenv("OMNI_CA_FILE", raising=False)
    for name, value in simulator.environment().items():
        monkeypatch.setenv(name, value)
    with simulator.image_factory():
        yield


@pytest.fixture
def names(simulator: Simulator) -> dict[str, Any]:
    """What examples may use without defining it, besides the open client."""
    fleet = simulator.state.fleet
    running = fleet.cluster("talos-default")
    assert running is not None
    return {
        "machine_id": running.machine_ids[0],
        "spare_machine_id": fleet.example("maintenance").id,
        "public_key": ServiceAccountKey.generate("ci").armored_public_key,
        "datetime": datetime,
        "timedelta": timedelta,
        "UTC": UTC,
    }


@pytest.mark.parametrize("one", WITH_EXAMPLE, ids=lambda one: one.name)
def test_an_example_prints_what_it_says(one: Documented, names: dict[str, Any]) -> None:
    with Session(**names) as session:
        if one.package == "omni_api_async":
            twin = omni_api_async.OmniClient.from_env()
            session.names["omni"] = twin
            try:
                _run(session, one)
            finally:
                session.run_async(twin.close())
        else:
            with omni_api.OmniClient.from_env() as client:
                session.names["omni"] = client
                _run(session, one)


@pytest.mark.parametrize(
    "one", [one for one in ALL if plain_example(one)], ids=lambda one: one.name
)
def test_an_example_without_output_runs(one: Documented, simulator: Simulator) -> None:
    given = {
        "os": os,
        "grpc": grpc,
        "sim": simulator,
        "Simulator": Simulator,
        "OmniClient": omni_api.OmniClient,
        "ServiceAccountKey": ServiceAccountKey,
    }
    with Session(**given) as session:
        session.run(plain_example(one), where=f"<{one.name}>")


def test_no_example_section_is_left_out() -> None:
    sections = [one.name for one in ALL if re.search(r"^\s*Examples?:", one.text, re.MULTILINE)]
    assert sections == [one.name for one in ALL if one.examples or plain_example(one)]


def _run(session: Session, one: Documented) -> None:
    for number, example in enumerate(one.examples, start=1):
        where = f"<{one.name}, example {number}>"
        printed = session.run(example.source, where=where, mode="single")
        if not CHECKER.check_output(example.want, printed, doctest.ELLIPSIS):
            pytest.fail(
                f"{where}:\n{example.source}"
                + CHECKER.output_difference(example, printed, doctest.ELLIPSIS)
            )


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_method_of_the_facades_has_an_example(package: Any) -> None:
    methods = [
        one
        for one in ALL
        if one.package == package.__name__
        and one.name.startswith(FACADES)
        and one.name.count(".") == 4
        and not one.name.rpartition(".")[2].startswith("_")
    ]
    assert len(methods) >= 28 + 1 + 1 + 3 + 4 + 3
    assert [one.name for one in methods if not one.examples] == []


def test_no_example_is_hidden_from_the_test_by_its_place() -> None:
    """What is exported has to be defined in a module that is walked."""
    walked = {one.name for one in ALL}
    for package in PACKAGES:
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isclass(value):
                assert f"{value.__module__}.{value.__qualname__}" in walked
