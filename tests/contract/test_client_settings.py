"""Where a client takes its settings from: arguments, the environment, an omniconfig."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from facades import Facade
from sample_calls import private_key

from omni_api import (
    ConfigurationError,
    Identity,
    InvalidInputError,
    PublicKey,
    ReadOnlyError,
)
from omni_api.simulator import Simulator


def test_settings_come_from_the_environment(facade: Facade, simulator: Simulator) -> None:
    omni = facade.dress(facade.client_class.from_env(environ=simulator.environment()))
    assert omni.management.list_users().users


def test_options_go_with_settings_of_the_environment(facade: Facade, simulator: Simulator) -> None:
    made = facade.client_class.from_env(environ=simulator.environment(), read_only=True)
    with pytest.raises(ReadOnlyError):
        facade.dress(made).management.create_user(email="ana@example.org", role="Reader")


@pytest.fixture
def omniconfig(
    facade: Facade, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An omniconfig of a person who has logged in, with the key in a keys directory."""
    email = "admin@example.org"
    secret = private_key(email, timedelta(hours=4))
    (tmp_path / f"default-{email}.pgp").write_text(str(secret))
    answer = facade.client(simulator.endpoint).auth.register_public_key(
        public_key=PublicKey(pgp_data=str(secret.extract_certificate()).encode()),
        identity=Identity(email=email),
    )
    simulator.confirm_login(answer.public_key_id)
    file = tmp_path / "omniconfig"
    file.write_text(
        f"context: default\ncontexts:\n  default:\n    url: {simulator.endpoint}\n"
        f"    auth:\n      siderov1:\n        identity: {email}\n"
    )
    monkeypatch.setenv("SIDEROV1_KEYS_DIR", str(tmp_path))
    return file


def test_settings_and_the_key_of_a_person_come_from_an_omniconfig(
    facade: Facade, omniconfig: Path
) -> None:
    omni = facade.dress(facade.client_class.from_omniconfig(omniconfig))
    assert b"identity: admin@example.org" in omni.management.omniconfig().omniconfig
    assert omni.management.list_users().users


def test_the_environment_may_name_the_omniconfig(facade: Facade, omniconfig: Path) -> None:
    environ = {"OMNICONFIG": str(omniconfig), "SIDEROV1_KEYS_DIR": str(omniconfig.parent)}
    omni = facade.dress(facade.client_class.from_env(environ=environ))
    assert omni.management.list_users().users


def test_missing_settings_are_named(facade: Facade, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="OMNI_SERVICE_ACCOUNT_KEY"):
        facade.client_class.from_env(environ={"HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "options", [{"compression": "br"}, {"timeout": 0}, {"timeout": "1"}, {"endpoint": "ftp://x"}]
)
def test_a_malformed_setting_is_refused_when_the_client_is_made(
    facade: Facade, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match=f"{next(iter(options))}|{options.get('endpoint')}"):
        facade.client(**({"endpoint": "grpc://127.0.0.1:1"} | options))
