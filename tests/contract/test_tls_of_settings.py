"""The tls option of clients made from the environment or a file: it wins over OMNI_CA_FILE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from facades import Facade
from sample_calls import private_key

from omni_api import TLS, ConfigurationError
from omni_api.simulator import Simulator

Make = Callable[..., Any]


@pytest.fixture
def omniconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, dict[str, str]], Path]:
    """Write an omniconfig for an endpoint, with a key, and set what else the client looks at."""

    def write(endpoint: str, environ: dict[str, str]) -> Path:
        me = "reader@example.org"
        context = {"url": endpoint, "auth": {"siderov1": {"identity": me}}}
        file = tmp_path / "config"
        file.write_text(yaml.safe_dump({"context": "c", "contexts": {"c": context}}))
        (tmp_path / f"c-{me}.pgp").write_text(str(private_key(me)))
        monkeypatch.setenv("SIDEROV1_KEYS_DIR", str(tmp_path))
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return file

    return write


def tls_of(client: Any) -> Any:
    return client._driver._settings.tls


@pytest.fixture
def secure() -> Any:
    """A simulator that serves TLS."""
    with Simulator(tls=True) as running:
        yield running


def test_the_option_wins_over_a_ca_file_of_the_environment(
    facade: Facade, secure: Simulator, tmp_path: Path
) -> None:
    environ = secure.environment() | {"OMNI_CA_FILE": str(tmp_path / "missing.pem")}
    named = facade.dress(facade.client_class.from_env(environ=environ))
    with pytest.raises(ConfigurationError, match=r"missing\.pem"):
        named.management.list_users()
    made = facade.client_class.from_env(environ=environ, tls=TLS(ca_file=secure.ca_file))
    assert facade.dress(made).management.list_users().users


def test_the_option_wins_over_the_environment_for_a_client_of_a_file(
    facade: Facade, omniconfig: Callable[[str, dict[str, str]], Path]
) -> None:
    file = omniconfig("https://omni.example.com", {"OMNI_CA_FILE": "environment.pem"})
    mine = TLS(ca_file="mine.pem")
    assert tls_of(facade.client_class.from_omniconfig(file)) == TLS(ca_file="environment.pem")
    assert tls_of(facade.client_class.from_omniconfig(file, tls=mine)) == mine


def test_without_the_option_the_environment_counts(facade: Facade, simulator: Simulator) -> None:
    environ = simulator.environment() | {"OMNI_CA_FILE": "environment.pem"}
    assert tls_of(facade.client_class.from_env(environ=environ)) == TLS(ca_file="environment.pem")
    mine = TLS(insecure_accept_any_certificate=True)
    assert tls_of(facade.client_class.from_env(environ=environ, tls=mine)) == mine
