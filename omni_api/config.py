"""The only reader of the environment and of omniconfig files; nothing is read unasked.

The order equals the official client's:

1. a service-account key from `SIDERO_SERVICE_ACCOUNT_KEY`, else `OMNI_SERVICE_ACCOUNT_KEY`; the
   first that is set wins, even empty. Then the endpoint is `OMNI_ENDPOINT` and no file is read;
2. else the omniconfig context: its identity's key file, and its URL unless `OMNI_ENDPOINT` is set.

Unlike the official client, reading never creates or moves a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from omni_api.credentials import ServiceAccountKey, UserKey
from omni_api.errors import ConfigurationError, DamagedKeyError
from omni_api.tls import TLS

KEY_VARIABLES = ("SIDERO_SERVICE_ACCOUNT_KEY", "OMNI_SERVICE_ACCOUNT_KEY")
PLACEHOLDER = "<placeholder_url>"


@attrs.frozen(kw_only=True)
class Settings:
    """What a client needs to know, found in the environment or a file.

    Attributes:
        endpoint: URL of Omni.
        auth: The key to sign with.
        tls: Which servers to trust.
        source: Where that was found, in words.
    """

    endpoint: str
    auth: ServiceAccountKey | UserKey
    tls: TLS
    source: str


def from_env(
    environ: Mapping[str, str] | None = None,
    *,
    endpoint: str | None = None,
    keys_dir: str | Path | None = None,
) -> Settings:
    """Find endpoint, key and CA as the official client would.

    Args:
        environ: Stands in for the process's environment.
        endpoint: Replaces `OMNI_ENDPOINT`.
        keys_dir: Where key files of people are, unless `SIDEROV1_KEYS_DIR` says it.

    Raises:
        ConfigurationError: Something is missing or cannot be read; the error says what to set.
    """
    env = os.environ if environ is None else environ
    endpoint = endpoint or env.get("OMNI_ENDPOINT")
    variable = next((name for name in KEY_VARIABLES if name in env), None)
    if variable is None:
        return from_omniconfig(environ=env, endpoint=endpoint or None, keys_dir=keys_dir)
    if not endpoint:
        raise ConfigurationError(
            f"{variable} is set but OMNI_ENDPOINT is not; with a service account key the endpoint "
            "is not read from omniconfig, so set OMNI_ENDPOINT=https://..."
        )
    try:
        key = ServiceAccountKey.decode(env[variable])
    except DamagedKeyError as error:
        raise DamagedKeyError(f"{variable}: {error}") from None
    return Settings(endpoint=endpoint, auth=key, tls=_tls(env), source=f"the variable {variable}")


def from_omniconfig(
    path: str | Path | None = None,
    context: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    keys_dir: str | Path | None = None,
) -> Settings:
    """Read one context of an omniconfig file and the key of its identity.

    Args:
        path: The file; by default `$OMNICONFIG`, else `$TALOS_HOME/omni/config` (only if
            TALOS_HOME is absolute), else `~/.talos/omni/config`, else the older place
            `$XDG_CONFIG_HOME/omni/config` if it exists.
        context: Name of the context; by default the one that the file selects.
        environ: Stands in for the process's environment.
        endpoint: Replaces the context's URL.
        keys_dir: Where key files are, unless `SIDEROV1_KEYS_DIR` says it: the official tool lets
            the variable win over its flag.

    Raises:
        ConfigurationError: The file, the context or the key is missing or cannot be used.
    """
    env = os.environ if environ is None else environ
    file = omniconfig_file(env) if path is None else Path(path)
    document = omniconfig_document(file)
    contexts = _mapping(document.get("contexts"))
    name = document.get("context") if context is None else context
    found = contexts.get(name) if isinstance(name, str) else None
    if not isinstance(found, dict):
        raise context_not_found(name, contexts, file)
    url = endpoint or found.get("url")
    if not url:
        raise ConfigurationError(f"context {name!r} of {file} has no url")
    if url == PLACEHOLDER:
        raise ConfigurationError(
            f"context {name!r} of {file} has not been configured: set its url first"
        )
    identity = _mapping(_mapping(found.get("auth")).get("siderov1")).get("identity")
    if not identity:
        raise ConfigurationError(
            f"context {name!r} of {file} names no identity (auth.siderov1.identity); "
            f"add one, or set {KEY_VARIABLES[1]}"
        )
    key_file = _key_file(env, keys_dir, f"{name}-{identity}.pgp")
    if not key_file.exists():
        raise ConfigurationError(
            f"there is no key of {identity} at {key_file}: log in with the official client first, "
            f"or set {KEY_VARIABLES[1]}"
        )
    return Settings(
        endpoint=str(url),
        auth=UserKey.from_file(key_file, identity=str(identity)),
        tls=_tls(env),
        source=f"context {name!r} of {file}",
    )


def context_not_found(name: object, known: Iterable[object], file: Path) -> ConfigurationError:
    """Make the error that names the contexts there are, in the official tool's words."""
    names = ", ".join(map(str, known)) or "none"
    return ConfigurationError(f"context not found: {name} (contexts of {file}: {names})")


def _tls(env: Mapping[str, str]) -> TLS:
    return TLS(ca_file=env.get("OMNI_CA_FILE") or None)


def _mapping(value: object) -> dict[Any, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def omniconfig_document(file: Path) -> dict[str, Any]:
    """Return what an omniconfig says; scalars mean what they mean to the official tool.

    Raises:
        ConfigurationError: The file is missing or cannot be read.
    """
    # 10 ms, and who has a key in the environment reads no file.
    from omni_api._yaml_nodes import UnreadableError
    from omni_api._yaml_text import read

    try:
        text = file.read_text(encoding="utf-8")
        document = read(text)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"there is no omniconfig at {file}; set OMNI_ENDPOINT and {KEY_VARIABLES[1]}, "
            "or name the file"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read the omniconfig {file}: {error}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"cannot read the omniconfig {file}: it is no text in UTF-8"
        ) from None
    except UnreadableError as error:
        where = "" if error.position is None else f" at line {_line(text, error.position)}"
        raise ConfigurationError(
            f"cannot read the omniconfig {file}: {error.reason}{where}"
        ) from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"the omniconfig {file} holds no contexts")
    return document


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def omniconfig_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the omniconfig is: `$OMNICONFIG`, else in the places of the official tool."""
    env = os.environ if environ is None else environ
    if named := env.get("OMNICONFIG"):
        return Path(named)
    preferred = _talos_home(env) / "omni" / "config"
    if not preferred.exists():
        older = _xdg(env, "XDG_CONFIG_HOME", ".config") / "omni" / "config"
        if older.exists():
            return older
    return preferred


def talosconfig_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return where talosconfigs are merged: `$TALOS_HOME/config`, else `~/.talos/config`."""
    return _talos_home(os.environ if environ is None else environ) / "config"


def kubeconfig_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the file that kubectl would alter.

    Of several in `KUBECONFIG` it is the first that exists, else the last, as in Kubernetes' client
    for Go; without the variable `~/.kube/config`.
    """
    env = os.environ if environ is None else environ
    named = [Path(name) for name in env.get("KUBECONFIG", "").split(os.pathsep) if name]
    if not named:
        return _home(env) / ".kube" / "config"
    return next((file for file in named if file.exists()), named[-1])


def _key_file(env: Mapping[str, str], keys_dir: str | Path | None, name: str) -> Path:
    # The official tool lets the variable win even when it is set to the empty text, and does not
    # look at TALOS_HOME here.
    directory = env.get("SIDEROV1_KEYS_DIR", keys_dir)
    preferred = (_home(env) / ".talos" / "keys" if directory is None else Path(directory)) / name
    if not preferred.exists():
        older = _xdg(env, "XDG_DATA_HOME", ".local/share") / "omni" / "keys" / name
        if older.exists():
            return older
    return preferred


def _talos_home(env: Mapping[str, str]) -> Path:
    named = Path(env.get("TALOS_HOME", ""))
    return named if named.is_absolute() else _home(env) / ".talos"


def _xdg(env: Mapping[str, str], variable: str, default: str) -> Path:
    return Path(env[variable]) if env.get(variable) else _home(env) / default


def _home(env: Mapping[str, str]) -> Path:
    return Path(env["HOME"]) if env.get("HOME") else Path.home()
