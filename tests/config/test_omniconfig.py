"""omniconfig and key files: where they are looked for, what is wrong, and none is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from homes import CONTEXTS, KEY, ME, OTHER, OTHER_URL, URL, Write, tree

from omni_api import (
    ConfigurationError,
    ExpiredKeyError,
    ForeignKeyError,
    OmniClient,
    ServiceAccountKey,
)
from omni_api.config import from_env, from_omniconfig

MARKED = {**CONTEXTS, "context": "other"}


@pytest.mark.parametrize(
    ("place", "variables", "expected"),
    [
        ("mine.yaml", {"OMNICONFIG": "{home}/mine.yaml"}, OTHER_URL),
        ("mine.yaml", {"OMNICONFIG": ""}, URL),
        ("talos/omni/config", {"TALOS_HOME": "{home}/talos"}, OTHER_URL),
        ("talos/omni/config", {"TALOS_HOME": "talos"}, URL),
        ("talos/omni/config", {"TALOS_HOME": "{home}/talos", "OMNICONFIG": ""}, OTHER_URL),
        ("xdg/omni/config", {"XDG_CONFIG_HOME": "{home}/xdg"}, URL),
    ],
)
def test_the_omniconfig_is_looked_for_in_the_official_order(
    place: str, variables: dict[str, str], expected: str, env: dict[str, str], write: Write
) -> None:
    write(place, MARKED)
    more = {name: value.format(home=env["HOME"]) for name, value in variables.items()}
    assert from_env({**env, **more}).endpoint == expected


@pytest.mark.parametrize(
    ("place", "variables"),
    [
        ("xdg/omni/config", {"XDG_CONFIG_HOME": "{home}/xdg"}),
        (".config/omni/config", {}),
        (".config/omni/config", {"XDG_CONFIG_HOME": ""}),
    ],
)
def test_the_older_place_of_the_omniconfig_is_read_where_the_newer_has_none(
    place: str, variables: dict[str, str], env: dict[str, str], write: Write, home: Path
) -> None:
    (home / ".talos/omni/config").rename(home / "gone")
    write(place, MARKED)
    before = tree(home)
    more = {name: value.format(home=home) for name, value in variables.items()}
    assert from_env({**env, **more}).endpoint == "https://other.example.com"
    assert tree(home) == before


@pytest.mark.parametrize(
    ("place", "variables"),
    [
        ("keys", {"SIDEROV1_KEYS_DIR": "{home}/keys"}),
        ("xdg/omni/keys", {"XDG_DATA_HOME": "{home}/xdg"}),
        ("xdg/omni/keys", {"XDG_DATA_HOME": "{home}/xdg", "SIDEROV1_KEYS_DIR": "{home}/none"}),
        ("xdg/omni/keys", {"XDG_DATA_HOME": "{home}/xdg", "SIDEROV1_KEYS_DIR": ""}),
        (".local/share/omni/keys", {}),
    ],
)
def test_a_key_file_is_looked_for_in_the_official_order(
    place: str, variables: dict[str, str], env: dict[str, str], home: Path
) -> None:
    (home / place).parent.mkdir(parents=True, exist_ok=True)
    (home / ".talos/keys").rename(home / place)
    before = tree(home)
    more = {name: value.format(home=home) for name, value in variables.items()}
    assert from_env({**env, **more}).auth.fingerprint == KEY.fingerprint
    assert tree(home) == before


def test_the_keys_directory_of_the_environment_goes_first_and_talos_home_has_no_say(
    env: dict[str, str], write: Write, home: Path
) -> None:
    other = ServiceAccountKey.generate("me")
    write(f"keys/default-{ME}.pgp", other._pair.armored_private_key)
    chosen = from_env({**env, "SIDEROV1_KEYS_DIR": str(home / "keys")})
    assert chosen.auth.fingerprint == other.fingerprint
    write("talos/omni/config")
    write(f"talos/keys/default-{ME}.pgp", other._pair.armored_private_key)
    usual = from_env({**env, "TALOS_HOME": str(home / "talos")})
    assert usual.auth.fingerprint == KEY.fingerprint


def test_an_empty_keys_directory_means_the_working_directory(
    env: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    with pytest.raises(ConfigurationError, match="no key of me@"):
        from_env({**env, "SIDEROV1_KEYS_DIR": ""})
    monkeypatch.chdir(home / ".talos/keys")
    assert from_env({**env, "SIDEROV1_KEYS_DIR": ""}).auth.fingerprint == KEY.fingerprint


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("prod", "context not found: prod .*contexts of .*default, keyless, "),
        ("new", "has not been configured: set its url first"),
        ("nobody", "names no identity .*add one, or set OMNI_SERVICE_ACCOUNT_KEY"),
        ("nowhere", "has no url"),
        ("keyless", r"no key of you@example.com at .*keyless-you@example.com.pgp: log in with"),
    ],
)
def test_a_context_that_cannot_be_used_says_what_to_do(
    context: str, expected: str, env: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        from_omniconfig(None, context, environ=env)


BROKEN = [
    "", "just text", "- a\n- list", "{", "a: [1", "\t\tx", "context: default", "contexts: {}",
    "context: default\ncontexts: [default]", "context: default\ncontexts: text",
    "context: [default]\ncontexts: {default: {}}", "context: {a: b}\ncontexts: {default: {}}",
    "context: a\ncontexts: {a: text}", "context: a\ncontexts: {a: {url: x, auth: text}}",
    "context: a\ncontexts: {a: {url: x, auth: [1]}}",
    "context: a\ncontexts: {a: {url: x, auth: {siderov1: text}}}",
    "context: a\ncontexts: {a: {url: x, auth: {siderov1: [1]}}}",
]  # fmt: skip


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_omniconfig_is_named(content: str, env: dict[str, str], write: Write) -> None:
    file = write(".talos/omni/config", content)
    before = tree(file.parent)
    with pytest.raises(ConfigurationError) as caught:
        from_env(env)
    assert str(file) in str(caught.value)
    assert tree(file.parent) == before


def test_an_omniconfig_in_another_encoding_is_named(env: dict[str, str], home: Path) -> None:
    (home / ".talos/omni/config").write_bytes(b"context: \xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot read the omniconfig"):
        from_env(env)


def test_a_missing_omniconfig_is_named_and_not_created(home: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        from_env({"HOME": str(home)})
    assert str(home / ".talos/omni/config") in str(caught.value)
    assert "set OMNI_ENDPOINT and OMNI_SERVICE_ACCOUNT_KEY" in str(caught.value)
    assert tree(home) == {}


def test_a_key_file_that_is_expired_or_somebody_elses_is_told_apart(
    env: dict[str, str], write: Write
) -> None:
    import pysequoia

    write(f".talos/keys/default-{ME}.pgp", OTHER._pair.armored_private_key)
    with pytest.raises(ForeignKeyError, match="belongs to ci"):
        from_env(env)
    expired = pysequoia.Tsk.generate(user_id=f"me <{ME}>", validity_seconds=1)
    write(f".talos/keys/default-{ME}.pgp", str(expired))
    with pytest.raises(ExpiredKeyError, match="log in again"):
        from_env(env)


def test_reading_leaves_every_file_as_it_is(env: dict[str, str], home: Path) -> None:
    before = tree(home)
    from_env(env)
    from_omniconfig(home / ".talos/omni/config", "other", environ=env)
    assert tree(home) == before


def test_the_process_environment_is_used_where_no_other_is_given(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SIDERO_SERVICE_ACCOUNT_KEY", "OMNI_SERVICE_ACCOUNT_KEY", "OMNICONFIG",
                 "TALOS_HOME", "SIDEROV1_KEYS_DIR", "OMNI_ENDPOINT", "OMNI_CA_FILE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", env["HOME"])
    assert from_env().auth.fingerprint == KEY.fingerprint
    with OmniClient.from_env(timeout=5) as client:
        assert repr(client) == "<omni_api.OmniClient of https://omni.example.com:443>"
    with OmniClient.from_omniconfig(context="other", read_only=True) as client:
        assert "other.example.com" in repr(client)
