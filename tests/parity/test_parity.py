"""The packages are twins: the same names, parameters, results and words."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import omni_api
import omni_api_async
from omni_api._gen import table
from omni_api._gen.facades import Facades
from omni_api_async._gen.facades import Facades as AsyncFacades

FACADES = {
    "management": "Management",
    "auth": "Auth",
    "audit_log": "AuditLog",
    "boot_assets": "BootAssets",
    "join_tokens": "JoinTokens",
    "kubernetes": "Kubernetes",
    "machines": "Machines",
    "resources": "Resources",
    "service_accounts": "ServiceAccounts",
    "support": "Support",
}
PACKAGES = [omni_api, omni_api_async]
BY_PACKAGE = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)


def facade(package: ModuleType, name: str) -> Any:
    return getattr(importlib.import_module(f"{package.__name__}._gen.{name}"), FACADES[name])


def methods(kind: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(kind).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }


def words(text: str | None) -> str:
    """A docstring without its example and without the words that only one world has."""
    assert text
    kept = re.sub(r"\n\s*Example:\n(\s*(>>>|\.\.\.|\S).*\n?|\n)*", "\n", inspect.cleandoc(text))
    return " ".join(kept.replace("async ", "").replace("await ", "").split())


def _pairs() -> Iterator[Any]:
    for name in FACADES:
        blocking, twin = (facade(package, name) for package in PACKAGES)
        for method in methods(blocking):
            yield pytest.param(
                methods(blocking)[method], methods(twin).get(method), id=f"{name}.{method}"
            )


PAIRS = pytest.mark.parametrize(("blocking", "twin"), list(_pairs()))


def test_both_packages_export_the_same_names() -> None:
    assert omni_api.__all__ == omni_api_async.__all__
    assert len(set(omni_api.__all__)) == len(omni_api.__all__)


@BY_PACKAGE
def test_every_exported_name_is_there_and_listed(package: ModuleType) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    assert package.__version__ == omni_api.__version__


def test_what_is_not_about_waiting_is_the_same_object() -> None:
    different = {
        name
        for name in omni_api.__all__
        if getattr(omni_api, name) is not getattr(omni_api_async, name)
    }
    assert different == {"OmniClient", "Stream"}


@BY_PACKAGE
@pytest.mark.parametrize("name", ["OmniCient", "list_users", "Client", "_nothing", "__nothing__"])
def test_a_misspelt_name_raises_an_error_that_says_it(package: ModuleType, name: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(package, name)
    assert f"module {package.__name__!r} has no attribute {name!r}" in str(caught.value)


def test_a_misspelt_attribute_of_a_client_raises_an_error_that_says_it() -> None:
    for package in PACKAGES:
        client = package.OmniClient("grpc://127.0.0.1:1")
        for target in (client, client.management, client.auth):
            with pytest.raises(AttributeError, match="'manage_ment'"):
                target.manage_ment  # noqa: B018


@pytest.mark.parametrize("name", list(FACADES))
def test_every_facade_has_the_same_methods_in_the_same_order(name: str) -> None:
    blocking, twin = (facade(package, name) for package in PACKAGES)
    assert list(methods(blocking)) == list(methods(twin))
    assert methods(blocking)
    assert words(blocking.__doc__) == words(twin.__doc__)


def test_both_clients_have_the_same_facades() -> None:
    for kind in (Facades, AsyncFacades):
        assert {name for name in vars(kind) if not name.startswith("_")} == set(FACADES)
    for name in FACADES:
        assert vars(Facades)[name].__doc__ == vars(AsyncFacades)[name].__doc__


def test_every_rpc_of_the_table_has_its_method() -> None:
    for package in PACKAGES:
        found = {*methods(facade(package, "management")), *methods(facade(package, "auth"))}
        assert found == {method.name for method in table.METHODS}


@PAIRS
def test_twins_take_the_same_parameters_with_the_same_defaults(blocking: Any, twin: Any) -> None:
    one, other = inspect.signature(blocking), inspect.signature(twin)
    assert list(one.parameters.values()) == list(other.parameters.values())


@PAIRS
def test_twins_return_the_same_or_something_to_be_awaited(blocking: Any, twin: Any) -> None:
    # Annotations are text: a Stream is the package's own, everything else is shared.
    returned = inspect.signature(blocking).return_annotation
    assert returned == inspect.signature(twin).return_annotation
    assert inspect.iscoroutinefunction(twin) is not returned.startswith("Stream[")
    assert not inspect.iscoroutinefunction(blocking)


@PAIRS
def test_twins_have_the_same_docstring_but_for_the_example(blocking: Any, twin: Any) -> None:
    assert words(blocking.__doc__) == words(twin.__doc__)
    for method in (blocking, twin):
        for section in ("Raises:", "Example:"):
            assert section in method.__doc__


@PAIRS
def test_only_the_twins_example_awaits(blocking: Any, twin: Any) -> None:
    assert not re.search(r"\b(async|await)\b", blocking.__doc__.partition("Example:")[2])
    assert re.search(r"\b(async|await)\b", twin.__doc__.partition("Example:")[2])


@pytest.mark.parametrize("name", ["OmniClient", "Stream"])
def test_clients_and_streams_have_the_same_members(name: str) -> None:
    def public(kind: Any) -> set[str]:
        return {member for member in dir(kind) if not member.startswith("_")}

    blocking, twin = (getattr(package, name) for package in PACKAGES)
    assert public(blocking) == public(twin)
    for member in public(blocking):
        one, other = getattr(blocking, member), getattr(twin, member)
        if callable(one):
            assert inspect.signature(one) == inspect.signature(other), member
            assert words(one.__doc__) == words(other.__doc__)


def test_clients_are_made_with_the_same_arguments() -> None:
    one, other = (inspect.signature(package.OmniClient) for package in PACKAGES)
    assert one == other


@pytest.mark.parametrize(
    ("blocking", "twin"),
    [("__enter__", "__aenter__"), ("__exit__", "__aexit__"), ("__iter__", "__aiter__"),
     ("__next__", "__anext__")],
)  # fmt: skip
def test_each_world_has_its_own_protocol_and_not_the_others(blocking: str, twin: str) -> None:
    for name in ("OmniClient", "Stream") if "ter__" in blocking[:9] else ("Stream",):
        one, other = (getattr(package, name) for package in PACKAGES)
        if name == "OmniClient" and blocking in {"__iter__", "__next__"}:
            continue
        assert hasattr(one, blocking)
        assert hasattr(other, twin)
        assert not hasattr(one, twin)
        assert not hasattr(other, blocking)
