"""The environment: the official client's order of variables and files."""

from __future__ import annotations

from pathlib import Path

import pytest
from homes import CONTEXTS, KEY, ME, OTHER, URL, Write, tree

from omni_api import (
    ConfigurationError,
    DamagedKeyError,
    ServiceAccountKey,
    UserKey,
)
from omni_api.config import from_env, from_omniconfig


@pytest.mark.parametrize("variable", ["SIDERO_SERVICE_ACCOUNT_KEY", "OMNI_SERVICE_ACCOUNT_KEY"])
def test_a_key_and_an_endpoint_in_the_environment_are_enough(variable: str, home: Path) -> None:
    found = from_env({variable: OTHER.encode(), "OMNI_ENDPOINT": URL, "HOME": str(home)})
    assert isinstance(found.auth, ServiceAccountKey)
    assert (found.endpoint, found.auth.fingerprint) == (URL, OTHER.fingerprint)
    assert found.tls.ca_file is None
    assert tree(home) == {}


def test_the_older_variable_wins_over_the_newer_one() -> None:
    env = {
        "OMNI_SERVICE_ACCOUNT_KEY": OTHER.encode(),
        "SIDERO_SERVICE_ACCOUNT_KEY": KEY.encode(),
        "OMNI_ENDPOINT": URL,
    }
    assert from_env(env).auth.fingerprint == KEY.fingerprint


def test_a_variable_that_is_set_but_empty_wins_too() -> None:
    env = {
        "OMNI_SERVICE_ACCOUNT_KEY": OTHER.encode(),
        "SIDERO_SERVICE_ACCOUNT_KEY": "",
        "OMNI_ENDPOINT": URL,
    }
    with pytest.raises(DamagedKeyError, match=r"SIDERO_SERVICE_ACCOUNT_KEY: .*0 characters"):
        from_env(env)


def test_a_key_in_the_environment_wins_over_the_omniconfig(env: dict[str, str]) -> None:
    found = from_env(
        {**env, "OMNI_SERVICE_ACCOUNT_KEY": OTHER.encode(), "OMNI_ENDPOINT": "grpc://x"}
    )
    assert (found.endpoint, found.auth.fingerprint) == ("grpc://x", OTHER.fingerprint)


@pytest.mark.parametrize("endpoint", [{}, {"OMNI_ENDPOINT": ""}])
def test_with_a_key_the_endpoint_is_required_and_not_taken_from_the_omniconfig(
    endpoint: dict[str, str], env: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="set OMNI_ENDPOINT=https"):
        from_env({**env, **endpoint, "OMNI_SERVICE_ACCOUNT_KEY": OTHER.encode()})


def test_a_wrong_key_names_its_variable() -> None:
    with pytest.raises(DamagedKeyError, match=r"^OMNI_SERVICE_ACCOUNT_KEY: "):
        from_env({"OMNI_SERVICE_ACCOUNT_KEY": "mistyped", "OMNI_ENDPOINT": URL})


def test_without_a_key_the_selected_context_of_the_omniconfig_is_used(env: dict[str, str]) -> None:
    found = from_env(env)
    assert isinstance(found.auth, UserKey)
    assert (found.endpoint, found.auth.identity) == (URL, ME)
    assert found.auth.fingerprint == KEY.fingerprint


@pytest.mark.parametrize("context", ["default", "new", "nowhere"])
def test_the_endpoint_of_the_environment_replaces_the_url(
    context: str, env: dict[str, str], write: Write
) -> None:
    write(".talos/omni/config", {**CONTEXTS, "context": context})
    assert from_env({**env, "OMNI_ENDPOINT": "https://mine"}).endpoint == "https://mine"
    if context == "default":
        assert from_env({**env, "OMNI_ENDPOINT": ""}).endpoint == URL


def test_a_context_can_be_named(env: dict[str, str]) -> None:
    assert from_omniconfig(None, "other", environ=env).endpoint == "https://other.example.com"


def test_the_ca_of_the_environment_is_trusted_either_way(env: dict[str, str]) -> None:
    more = {"OMNI_CA_FILE": "/etc/ca.pem"}
    key = {"OMNI_SERVICE_ACCOUNT_KEY": OTHER.encode(), "OMNI_ENDPOINT": URL}
    assert from_env({**env, **more}).tls.ca_file == "/etc/ca.pem"
    assert from_env({**key, **more}).tls.ca_file == "/etc/ca.pem"
    assert from_env({**key, "OMNI_CA_FILE": ""}).tls.ca_file is None
