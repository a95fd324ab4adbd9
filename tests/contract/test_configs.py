"""Kubeconfig, talosconfig and omniconfig, in all their forms."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml

from omni_api import (
    InvalidArgumentError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
)
from omni_api.simulator import Simulator

AUTOMATION = "automation@serviceaccount.omni.sidero.dev"
TOKEN = {"service_account": True, "service_account_ttl": 60, "service_account_user": "ci"}


def claims_of(kubeconfig: bytes) -> dict[str, Any]:
    """Return the claims of the bearer token in a kubeconfig."""
    (user,) = yaml.safe_load(kubeconfig)["users"]
    segment = user["user"]["token"].split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=="))
    return claims


def test_a_kubeconfig_by_login_names_cluster_and_caller_and_holds_no_secret(
    omni: Any, simulator: Simulator
) -> None:
    config = yaml.safe_load(omni.management.kubeconfig(cluster="talos-default").kubeconfig)
    assert config["current-context"] == "local-talos-default"
    (user,) = config["users"]
    assert user["name"] == f"local-talos-default-{AUTOMATION}"
    assert user["user"].keys() == {"exec"}
    assert "--oidc-extra-scope=cluster:talos-default" in user["user"]["exec"]["args"]
    assert simulator.count("Kubeconfig") == 1


def test_a_kubeconfig_is_made_for_clusters_that_do_not_exist(omni: Any) -> None:
    config = yaml.safe_load(omni.management.kubeconfig(cluster="nowhere").kubeconfig)
    assert config["clusters"][0]["name"] == "local-nowhere"


def test_options_of_the_login_arrive_in_the_kubeconfig(omni: Any) -> None:
    config = yaml.safe_load(
        omni.management.kubeconfig(
            cluster="talos-default",
            grant_type="authcode-keyboard",
            oidc_cache_base_dir="/tmp/cache",
            oidc_cache_isolation=True,
        ).kubeconfig
    )
    arguments = config["users"][0]["user"]["exec"]["args"]
    assert "--grant-type=authcode-keyboard" in arguments
    cache = f"/tmp/cache/local-talos-default-{AUTOMATION}"
    assert f"--token-cache-dir={cache}" in arguments


def test_an_unknown_grant_type_is_an_invalid_argument(omni: Any) -> None:
    with pytest.raises(InvalidArgumentError, match='invalid grant type "bad"') as caught:
        omni.management.kubeconfig(cluster="talos-default", grant_type="bad")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("ttl", [3600, timedelta(hours=1)])
def test_a_kubeconfig_with_a_token_says_who_and_for_how_long(
    omni: Any, ttl: float | timedelta
) -> None:
    answer = omni.management.kubeconfig(
        cluster="talos-default",
        service_account=True,
        service_account_ttl=ttl,
        service_account_user="robot",
        service_account_groups=["system:masters", "ops"],
    )
    claims = claims_of(answer.kubeconfig)
    assert claims["sub"] == "robot"
    assert claims["groups"] == ["system:masters", "ops"]
    assert claims["cluster"] == "talos-default"
    assert claims["exp"] - claims["iat"] == 3600
    assert "token" not in repr(answer)


def test_a_token_for_an_unknown_cluster_is_not_found(omni: Any) -> None:
    with pytest.raises(NotFoundError, match="ClusterUUIDs") as caught:
        omni.management.kubeconfig(cluster="nowhere", **TOKEN)
    assert caught.value.code.name == "UNKNOWN"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"service_account_user": ""}, "service account user name is not set"),
        ({"service_account_ttl": None}, "service account ttl is not set"),
        ({"service_account_ttl": timedelta(days=3651)}, "service account ttl is too long"),
    ],
)
def test_an_incomplete_wish_for_a_token_is_an_invalid_argument(
    omni: Any, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        omni.management.kubeconfig(cluster="talos-default", **(TOKEN | options))


def test_a_token_needs_an_operator(as_role: Callable[..., Any]) -> None:
    with pytest.raises(PermissionDeniedError, match='insufficient role: "Reader"'):
        as_role("Reader").management.kubeconfig(cluster="talos-default", **TOKEN)
    assert as_role("Operator").management.kubeconfig(cluster="talos-default", **TOKEN).kubeconfig


@pytest.mark.parametrize("name", ["kubeconfig", "talosconfig"])
def test_break_glass_is_not_allowed_unless_the_server_says_so(
    omni: Any, simulator: Simulator, name: str
) -> None:
    with pytest.raises(PermissionDeniedError, match="not allowed") as caught:
        getattr(omni.management, name)(cluster="talos-default", break_glass=True)
    # It is the server that does not allow it, not the role.
    assert "break-glass has to be enabled" in caught.value.hint
    assert not any(cluster.tainted for cluster in simulator.state.fleet.clusters())


@pytest.mark.parametrize(
    ("name", "secret"), [("kubeconfig", "client-key-data"), ("talosconfig", "key: ")]
)
def test_break_glass_hands_out_credentials_and_taints_the_cluster(
    omni: Any, simulator: Simulator, name: str, secret: str
) -> None:
    simulator.state.break_glass_allowed = True
    answer = getattr(omni.management, name)(cluster="talos-default", break_glass=True)
    text = getattr(answer, name).decode()
    assert secret in text
    assert secret not in repr(answer)
    tainted = [cluster.name for cluster in simulator.state.fleet.clusters() if cluster.tainted]
    assert tainted == ["talos-default"]


def test_break_glass_needs_an_admin(as_role: Callable[..., Any], simulator: Simulator) -> None:
    simulator.state.break_glass_allowed = True
    with pytest.raises(PermissionDeniedError, match='"Operator"'):
        as_role("Operator").management.kubeconfig(cluster="talos-default", break_glass=True)


def test_a_talosconfig_is_for_one_cluster_or_for_the_whole_instance(omni: Any) -> None:
    of_cluster = yaml.safe_load(omni.management.talosconfig(cluster="talos-default").talosconfig)
    assert of_cluster["context"] == "local-talos-default"
    assert of_cluster["contexts"]["local-talos-default"]["cluster"] == "talos-default"
    of_instance = yaml.safe_load(omni.management.talosconfig().talosconfig)
    assert of_instance["context"] == "local"
    assert "cluster" not in of_instance["contexts"]["local"]
    assert of_instance["contexts"]["local"]["auth"]["siderov1"]["identity"] == AUTOMATION


def test_a_raw_talosconfig_is_for_debug_builds_only(omni: Any) -> None:
    with pytest.raises(PermissionDeniedError, match="not allowed"):
        omni.management.talosconfig(cluster="talos-default", raw=True)


def test_an_omniconfig_names_the_caller_in_full(as_role: Callable[..., Any]) -> None:
    config = yaml.safe_load(as_role("None").management.omniconfig().omniconfig)
    identity = config["contexts"][config["context"]]["auth"]["siderov1"]["identity"]
    assert identity == "simulator-none@serviceaccount.omni.sidero.dev"


@pytest.mark.parametrize("cluster", ["", " ", "wörld", "a\nb", None, 7])
def test_a_cluster_that_metadata_cannot_carry_is_refused_before_it_is_sent(
    omni: Any, simulator: Simulator, cluster: Any
) -> None:
    with pytest.raises(InvalidInputError, match="cluster"):
        omni.management.kubeconfig(cluster=cluster)
    assert simulator.calls == []
