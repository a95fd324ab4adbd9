"""Kubeconfig, Talosconfig and Omniconfig: the files that users take home.

The texts are laid out as a real server lays them out. The ordinary forms hold no secret and are
pure functions of names; whether the cluster exists is not even looked up.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import grpc
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from omni_api._gen import management_pb2
from omni_api.simulator._call import Call, Handler, Refused, invalid, unknown
from omni_api.simulator._certificates import issue
from omni_api.simulator._goyaml import dump
from omni_api.simulator._state import Omni

_LONGEST_TTL_S = 87600 * 3600
_GRANT_TYPES = ("", "auto", "authcode", "authcode-keyboard")
_PLAIN = re.compile(r"[\w.@:/=~+-]*[\w/]")
_CACHE_DIR = "~/.kube/cache/oidc-login"


def scalar(text: str) -> str:
    """One string as YAML, quoted where it must be."""
    return dump(text).rstrip("\n")


def _kubeconfig(call: Call, request: Any) -> Any:
    if request.break_glass:
        text = _break_glass_kubeconfig(call)
    elif request.service_account:
        text = _service_account_kubeconfig(call, request)
    else:
        text = _oidc_kubeconfig(call, request)
    return management_pb2.KubeconfigResponse(kubeconfig=text.encode())


def _oidc_kubeconfig(call: Call, request: Any) -> str:
    call.require("Reader")
    if request.grant_type not in _GRANT_TYPES:
        raise invalid(f'invalid grant type "{request.grant_type}"')
    omni = call.omni
    context = f"{omni.account}-{call.cluster}"
    user = f"{context}-{call.caller.identity}"
    arguments = [
        "oidc-login",
        "get-token",
        f"--oidc-issuer-url={omni.api_url.rstrip('/')}/oidc",
        "--oidc-client-id=native",
        f"--oidc-extra-scope=cluster:{call.cluster}",
    ]
    if request.grant_type:
        arguments.append(f"--grant-type={request.grant_type}")
        arguments.append("--oidc-redirect-url=urn:ietf:wg:oauth:2.0:oob")
    cache_dir = request.oidc_cache_base_dir
    if request.oidc_cache_isolation:
        cache_dir = f"{(cache_dir or _CACHE_DIR).rstrip('/')}/{user}"
    if cache_dir:
        arguments.append(f"--token-cache-dir={cache_dir}")
    credentials = "\n".join(
        (
            "    exec:",
            "      apiVersion: client.authentication.k8s.io/v1",
            "      args:",
            *(f"        - {_argument(argument)}" for argument in arguments),
            "      command: kubectl",
            "      env: null",
            "      interactiveMode: IfAvailable",
            "      provideClusterInfo: false",
        )
    )
    return _kubeconfig_text(omni, context, user, credentials)


def _argument(text: str) -> str:
    # The server fills these into a template, where nothing is quoted; an odd name must not break
    # the file all the same.
    return text if _PLAIN.fullmatch(text) else scalar(text)


def _kubeconfig_text(omni: Omni, context: str, user: str, credentials: str) -> str:
    context, user = scalar(context), scalar(user)
    return f"""\
apiVersion: v1
kind: Config
clusters:
  - cluster:
      server: {omni.kubernetes_url}
    name: {context}
contexts:
  - context:
      cluster: {context}
      namespace: default
      user: {user}
    name: {context}
current-context: {context}
users:
- name: {user}
  user:
{credentials}
"""


def _service_account_kubeconfig(call: Call, request: Any) -> str:
    call.require("Operator")
    omni, name, user = call.omni, call.cluster, request.service_account_user
    if not name:
        raise invalid("cluster name is not in context")
    if not user:
        raise invalid("service account user name is not set")
    if not request.HasField("service_account_ttl"):
        raise invalid("service account ttl is not set")
    # Not as a timedelta: that knows no nanoseconds, and cannot hold all that a client may send.
    ttl = (request.service_account_ttl.seconds, request.service_account_ttl.nanos)
    if ttl <= (0, 0):
        raise invalid("service account ttl is must be positive")
    if ttl > (_LONGEST_TTL_S, 0):
        raise invalid("service account ttl is too long (max allowed: 87600h0m0s)")
    cluster = omni.fleet.cluster(name)
    if cluster is None:
        raise unknown(
            "failed to get cluster UUID: failed to get: resource "
            f"ClusterUUIDs.omni.sidero.dev(default/{name}@undefined) doesn't exist"
        )
    now = int(omni.now().timestamp())
    token = _jwt(
        omni,
        {
            "iat": now,
            "iss": f"omni-{omni.account}-service-account-issuer",
            "exp": now + ttl[0],
            "sub": user,
            "groups": list(request.service_account_groups),
            "cluster": name,
            "cluster_uuid": cluster.uuid,
        },
    )
    context = f"{omni.account}-{name}-{user}"
    return _kubeconfig_text(omni, context, context, f"    token: {token}")


def _jwt(omni: Omni, claims: dict[str, Any]) -> str:
    with omni.changed:
        key = omni.secrets.get("jwt")
        if key is None:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            omni.secrets["jwt"] = key
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = {"alg": "RS256", "kid": hashlib.sha256(public).hexdigest()[:32], "typ": "JWT"}
    signed = f"{_segment(_json(header))}.{_segment(_json(claims))}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_segment(signature)}"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _break_glass_kubeconfig(call: Call) -> str:
    call.require("Admin")
    if not call.omni.break_glass_allowed:
        raise Refused(grpc.StatusCode.PERMISSION_DENIED, "not allowed")
    name = call.cluster
    if not name:
        raise invalid("cluster name is required")
    server = _first_node(call, "Kubeconfigs")
    admin = issue("admin", organization="system:masters")
    call.omni.fleet.taint(name)
    name = scalar(name)
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    server: https://{server}:6443
    certificate-authority-data: {_base64(admin.ca)}
users:
- name: admin@{name}
  user:
    client-certificate-data: {_base64(admin.certificate)}
    client-key-data: {_base64(admin.key)}
contexts:
- context:
    cluster: {name}
    namespace: default
    user: admin@{name}
  name: admin@{name}
current-context: admin@{name}
"""


def _first_node(call: Call, needed: str) -> str:
    """The address of the cluster's first node, as it stands in a URL.

    `needed` is the resource from which Omni makes the config, and which it misses first.
    """
    cluster = call.omni.fleet.cluster(call.cluster)
    if cluster is None:
        raise unknown(
            f"failed to get: resource {needed}.omni.sidero.dev(default/{call.cluster}"
            "@undefined) doesn't exist"
        )
    machines = call.omni.fleet.machines_of(cluster)
    address = machines[0].address if machines else "127.0.0.1"
    return f"[{address}]" if ":" in address else address


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _talosconfig(call: Call, request: Any) -> Any:
    # Raw configs exist in debug builds only, and a break-glass one only when the server says so.
    if request.raw or request.break_glass:
        call.require("Admin")
        if request.raw or not call.omni.break_glass_allowed:
            raise Refused(grpc.StatusCode.PERMISSION_DENIED, "not allowed")
        text = _break_glass_talosconfig(call)
    else:
        call.require("Reader")
        text = _instance_talosconfig(call)
    call.omni.audit.record(
        call,
        "talos_access",
        data={
            "talos_access": {
                "full_method_name": call.path.removeprefix("/"),
                "cluster_name": call.cluster,
            }
        },
    )
    return management_pb2.TalosconfigResponse(talosconfig=text.encode())


def _instance_talosconfig(call: Call) -> str:
    omni, cluster = call.omni, call.cluster
    context = scalar(f"{omni.account}-{cluster}" if cluster else omni.account)
    return f"""\
context: {context}
contexts:
    {context}:
        endpoints:
            - {omni.api_url}
        auth:
            siderov1:
                identity: {scalar(call.caller.identity)}
""" + (f"        cluster: {scalar(cluster)}\n" if cluster else "")


def _break_glass_talosconfig(call: Call) -> str:
    if not call.cluster:
        raise invalid("cluster name is required")
    endpoint = _first_node(call, "ClusterSecrets").strip("[]")
    operator = issue("os:operator", organization="os:operator")
    call.omni.fleet.taint(call.cluster)
    name = scalar(call.cluster)
    return f"""\
context: {name}
contexts:
    {name}:
        endpoints:
            - {scalar(endpoint)}
        ca: {_base64(operator.ca)}
        crt: {_base64(operator.certificate)}
        key: {_base64(operator.key)}
"""


def _omniconfig(call: Call, _request: Any) -> Any:
    call.require_signature()
    text = f"""\
contexts:
    default:
        url: {call.omni.api_url}
        auth:
            siderov1:
                identity: {scalar(call.caller.identity)}
context: default
"""
    return management_pb2.OmniconfigResponse(omniconfig=text.encode())


_SERVICE = "/management.ManagementService/"
HANDLERS: dict[str, Handler] = {
    _SERVICE + "Kubeconfig": _kubeconfig,
    _SERVICE + "Talosconfig": _talosconfig,
    _SERVICE + "Omniconfig": _omniconfig,
}
