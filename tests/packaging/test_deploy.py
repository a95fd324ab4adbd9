"""The files that deploy the daemon fit the daemon, and give it no more than it needs.

`make deploy` runs the linters over them, which need a network once.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from pages import ROOT, rows

from omni_api import config
from omni_api.audit.__main__ import _parser

DEPLOY = ROOT / "docs" / "deploy"
DIRECTORY = "/var/lib/omni-audit"
PYTHON = "/opt/omni-audit/bin/python"
PORT = 9464
VARIABLES = {"OMNI_ENDPOINT", *config.KEY_VARIABLES, "OMNI_CA_FILE"}
EXIT_CODES = [
    code
    for code, _ in rows(ROOT / "docs" / "guides" / "audit-daemon.md", "| exit code | meaning |")[1:]
]


def read(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of the Dockerfile with their arguments, by stage; what is before is none."""
    joined = re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = [[]]
    for line in filter(None, joined.splitlines()):
        instruction, _, argument = line.partition(" ")
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, argument.strip()))
    return found[1:]


def image() -> dict[str, str]:
    """What the last stage says, the last of each instruction."""
    return dict(stages()[-1])


def unit() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(read("omni-audit.service"))
    return {name: dict(parser[name]) for name in parser.sections()}


def manifest() -> dict[str, Any]:
    """The objects of the manifest, by kind."""
    return {found["kind"]: found for found in yaml.safe_load_all(read("omni-audit.yaml"))}


def pod() -> dict[str, Any]:
    found: dict[str, Any] = manifest()["StatefulSet"]["spec"]["template"]["spec"]
    return found


def commands() -> dict[str, list[str]]:
    """How each file starts the daemon."""
    entry: list[str] = json.loads(image()["ENTRYPOINT"])
    return {
        "Dockerfile": [*entry, *json.loads(image()["CMD"])],
        "omni-audit.service": shlex.split(unit()["Service"]["ExecStart"]),
        "omni-audit.yaml": [*entry, *pod()["containers"][0]["args"]],
    }


@pytest.mark.parametrize("name", ["Dockerfile", "omni-audit.service", "omni-audit.yaml"])
def test_every_file_starts_the_daemon_with_options_that_it_takes(name: str) -> None:
    command = commands()[name]
    assert command[:3] == [PYTHON, "-m", "omni_api.audit"]
    chosen = _parser().parse_args(command[3:])
    assert (chosen.output, chosen.start) == (DIRECTORY, "oldest")
    host = "127.0.0.1" if name.endswith(".service") else "0.0.0.0"
    assert chosen.metrics == (host, PORT)


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_the_files_name_variables_that_the_client_reads_and_give_no_values(path: Path) -> None:
    text = path.read_text("utf-8")
    named = set(re.findall(r"\b(?:OMNI|SIDERO)_[A-Z_]+\b", text))
    assert named <= VARIABLES
    assert not re.search(r"\b(?:OMNI|SIDERO)_[A-Z_]+=\S", text)


def test_the_image_is_built_from_pinned_versions_and_runs_without_root() -> None:
    first = [stage[0][1] for stage in stages()]
    assert [base.split()[0] for base in first] == ["python:${PYTHON}"] * 2
    assert re.search(r"^ARG PYTHON=3\.\d+\.\d+-slim-\w+$", read("Dockerfile"), re.MULTILINE)
    user, group = image()["USER"].split(":")
    assert int(user) > 0 < int(group)
    assert (image()["STOPSIGNAL"], json.loads(image()["VOLUME"])) == ("SIGTERM", [DIRECTORY])
    assert f"--owner={user} --group={group} {DIRECTORY}" in image()["RUN"]


def test_the_image_asks_the_daemon_itself_for_its_health() -> None:
    check = json.loads(image()["HEALTHCHECK"].partition("CMD ")[2])
    assert check[:2] == [PYTHON, "-c"]
    compile(check[2], "HEALTHCHECK", "exec")
    assert f"'127.0.0.1', {PORT}" in check[2]
    assert "/healthz" in check[2]


def test_the_unit_starts_the_daemon_again_only_after_what_may_pass() -> None:
    service = unit()["Service"]
    assert service["Restart"] == "on-failure"
    given_up = service["RestartPreventExitStatus"].split()
    assert [code for code in EXIT_CODES if code not in given_up] == ["3"]
    assert unit()["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_unit_gives_the_daemon_a_directory_and_nothing_else() -> None:
    service = unit()["Service"]
    assert f"/var/lib/{service['StateDirectory']}" == DIRECTORY
    assert service["StateDirectoryMode"] == "0700"
    assert (service["ProtectSystem"], service["DynamicUser"]) == ("strict", "yes")
    assert service["CapabilityBoundingSet"] == ""


def test_the_pod_meets_the_standard_restricted() -> None:
    both = pod()["securityContext"]
    (container,) = pod()["containers"]
    own = container["securityContext"]
    assert both["runAsNonRoot"] is True
    assert f"{both['runAsUser']}:{both['runAsGroup']}" == image()["USER"]
    assert both["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert own["readOnlyRootFilesystem"] is True
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & set(pod())
    assert "hostPort" not in container["ports"][0]
    assert pod()["automountServiceAccountToken"] is False
    labels = manifest()["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_manifest_runs_one_daemon_on_a_volume_that_lasts() -> None:
    spec = manifest()["StatefulSet"]["spec"]
    (container,) = pod()["containers"]
    (claim,) = spec["volumeClaimTemplates"]
    assert spec["replicas"] == 1
    assert container["volumeMounts"] == [
        {"name": claim["metadata"]["name"], "mountPath": DIRECTORY}
    ]
    assert set(container["resources"]) == {"requests", "limits"}
    for variable in container["env"]:
        assert variable["valueFrom"]["secretKeyRef"]["key"] == variable["name"]


def test_an_omni_that_is_away_takes_the_pod_out_of_service_but_does_not_kill_it() -> None:
    (container,) = pod()["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/metrics"
    assert container["ports"] == [{"name": "metrics", "containerPort": PORT}]


def test_the_objects_of_the_manifest_find_each_other() -> None:
    found = manifest()
    spec = found["StatefulSet"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert spec["serviceName"] == found["Service"]["metadata"]["name"]
    namespace = found["Namespace"]["metadata"]["name"]
    for kind in ("StatefulSet", "Service", "NetworkPolicy"):
        assert found[kind]["metadata"]["namespace"] == namespace
