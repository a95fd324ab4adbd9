"""The environment: the official client's order of variables and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from omni_api import (
    ConfigurationError,
    DamagedKeyError,
    ServiceAccountKey,
    UserKey,
)
from omni_api.config import from_env, from_omniconfig

KEY = ServiceAccountKey.generate("me")
OTHER = ServiceAccountKey.generate("ci")
ME = "me@serviceaccount.omni.sidero.dev"
URL = "https://omni.example.com"
CONTEXTS: dict[str, Any] = {
    "context": "default",
    "contexts": {
        "default": {"url": URL, "auth": {"basic": "old", "siderov1": {"identity": ME}}},
        "other": {"url": "https://other.example.com", "auth": {"siderov1": {"identity": ME}}},
        "new": {"url": "<placeholder_url>", "auth": {"siderov1": {"identity": ME}}},
        "nobody": {"url": URL},
        "nowhere": {"auth": {"siderov1": {"identity": ME}}},
        "keyless": {"url": URL, "auth": {"siderov1": {"identity": "you@example.com"}}},
    },
}
Write = Callable[..., Path]


def tree(root: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory, empty so far."""
    directory = tmp_path / "home"
    directory.mkdir()
    return directory


@pytest.fixture
def write(home: Path) -> Write:
    """Write a file below the home directory and return its path."""

    def write(place: str, content: Any = CONTEXTS) -> Path:
        file = home / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return file

    return write


@pytest.fixture
def env(home: Path, write: Write) -> dict[str, str]:
    """The environment of somebody who has logged in, with every file in its usual place."""
    write(".talos/omni/config")
    for context in ("default", "other", "new", "nowhere"):
        write(f".talos/keys/{context}-{ME}.pgp", KEY._pair.armored_private_key)
    return {"HOME": str(home)}


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
