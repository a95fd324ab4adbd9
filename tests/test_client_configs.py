"""Configs are merged into the files of a person, and nothing else in them changes."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_api import ConfigurationError, InvalidInputError, StorageError
from omni_api.client_configs import (
    Renamed,
    merge_kubeconfig,
    merge_omniconfig,
    merge_talosconfig,
)

MINE = """\
# My clusters. Keep in order!
apiVersion: v1
kind: Config
preferences: {}   # none yet
clusters:
- cluster:
    certificate-authority-data: 'QUJD'
    server: "https://10.0.0.1:6443"   # the old one
  name: home
contexts:
- context: {cluster: home, user: me}
  name: home
current-context: home
users:
- name: me
  user:
    token: very-secret
    x-unknown: [1, 2]
"""


EXEC: dict[str, Any] = {"exec": {"command": "kubectl"}}


def kubeconfig(
    name: str = "omni-prod", server: str = "https://omni.example.com", **user: str
) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": server}}],
            "contexts": [
                {
                    "name": name,
                    "context": {"cluster": name, "user": f"{name}-me", "namespace": "default"},
                }
            ],
            "current-context": name,
            "users": [{"name": f"{name}-me", "user": user or EXEC}],
        }
    )


def entries(file: Path, section: str, kind: str) -> dict[str, Any]:
    found = yaml.safe_load(file.read_text())
    return {entry["name"]: entry[kind] for entry in found[section]}


def test_a_new_file_is_the_config_itself_and_others_cannot_write_it(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "config"
    merged = merge_kubeconfig(kubeconfig(), file)
    assert (merged.created, merged.context, merged.renamed) == (True, "omni-prod", ())
    assert yaml.safe_load(file.read_text()) == yaml.safe_load(kubeconfig())
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_comments_quotes_order_and_unknown_keys_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(MINE)
    file.chmod(0o600)
    merge_kubeconfig(kubeconfig(), file)
    text = file.read_text()
    for line in MINE.splitlines():
        if not line.startswith("current-context"):
            assert line in text.splitlines()
    assert "current-context: omni-prod" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_merging_the_same_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(MINE)
    merge_kubeconfig(kubeconfig(), file)
    before = file.read_bytes(), file.stat().st_mtime_ns
    merged = merge_kubeconfig(kubeconfig(), file)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert (merged.context, merged.renamed) == ("omni-prod", ())


def test_an_entry_whose_name_is_taken_is_renamed_with_all_that_points_to_it(tmp_path: Path) -> None:
    file = tmp_path / "config"
    merge_kubeconfig(kubeconfig(token="old"), file)
    merged = merge_kubeconfig(kubeconfig(server="https://other.example.com", token="new"), file)
    assert merged.context == "omni-prod-1"
    assert merged.renamed == (
        Renamed(kind="cluster", old="omni-prod", new="omni-prod-1"),
        Renamed(kind="user", old="omni-prod-me", new="omni-prod-me-1"),
        Renamed(kind="context", old="omni-prod", new="omni-prod-1"),
    )
    assert entries(file, "contexts", "context")["omni-prod-1"] == {
        "cluster": "omni-prod-1", "user": "omni-prod-me-1", "namespace": "default",
    }  # fmt: skip
    assert entries(file, "users", "user")["omni-prod-me"] == {"token": "old"}


def test_a_token_of_a_cluster_that_is_there_is_a_user_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "config"
    merge_kubeconfig(kubeconfig(token="old"), file)
    merge_kubeconfig(kubeconfig(token="new"), file, on_clash="overwrite", activate=False)
    assert entries(file, "users", "user") == {"omni-prod-me": {"token": "new"}}
    assert len(entries(file, "clusters", "cluster")) == 1


def test_whoever_is_asked_decides_each_clash(tmp_path: Path) -> None:
    file = tmp_path / "config"
    merge_kubeconfig(kubeconfig(token="old"), file)
    asked = []

    def decide(kind: str, name: str) -> Any:
        asked.append((kind, name))
        return "overwrite" if kind == "user" else "rename"

    merge_kubeconfig(kubeconfig(token="new", server="https://b"), file, on_clash=decide)
    assert asked == [("cluster", "omni-prod"), ("user", "omni-prod-me"), ("context", "omni-prod")]


def test_the_context_can_get_another_name_and_need_not_be_used(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(MINE)
    merged = merge_kubeconfig(kubeconfig(), file, context_name="prod", activate=False)
    assert merged.context == "prod"
    assert list(entries(file, "contexts", "context")) == ["home", "prod"]
    assert yaml.safe_load(file.read_text())["current-context"] == "home"


@pytest.mark.parametrize("text", ["clusters: null\ncontexts:\nusers: ~\n", "", "# empty\n"])
def test_a_file_with_nothing_in_it_is_filled(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    merge_kubeconfig(kubeconfig(), file)
    assert "omni-prod" in entries(file, "clusters", "cluster")


def test_lists_that_are_indented_stay_indented_and_line_ends_stay(tmp_path: Path) -> None:
    file = tmp_path / "config"
    text = re.sub(r"(?m)^(- |  )", r"  \1", MINE)
    file.write_bytes(text.replace("\n", "\r\n").encode())
    merge_kubeconfig(kubeconfig(), file)
    written = file.read_bytes().decode()
    assert written.count("\r\n") == written.count("\n")
    assert "  - name: me\r\n" in written


def test_a_file_as_go_writes_it_stays_so(tmp_path: Path) -> None:
    file = tmp_path / "config"
    text = (
        "context: home\ncontexts:\n    home:\n        endpoints:\n            - https://one/\n"
        "        auth:\n            siderov1:\n                identity: me@example.com\n"
    )
    file.write_text(text)
    merge_talosconfig("context: b\ncontexts:\n  b:\n    endpoints: [https://two/]\n", file)
    assert file.read_text().startswith(text.replace("context: home", "context: b"))


def test_a_link_goes_on_leading_to_the_file(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "kube"
    real.parent.mkdir()
    real.write_text(MINE)
    link = tmp_path / "config"
    link.symlink_to(real)
    assert merge_kubeconfig(kubeconfig(), link).path == real
    assert link.is_symlink()
    assert "omni-prod" in real.read_text()


@pytest.mark.parametrize(
    "text", ["clusters: [", "- a list", "clusters: {a: b}", "clusters: [text]", "a: 1\na: 2"]
)
def test_a_damaged_file_is_refused_without_its_content_and_left_alone(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "config"
    file.write_text(f"# token very-secret\n{text}\n")
    with pytest.raises(ConfigurationError) as caught:
        merge_kubeconfig(kubeconfig(), file)
    assert "mend it first" in str(caught.value)
    assert "very-secret" not in str(caught.value)
    assert file.read_text() == f"# token very-secret\n{text}\n"
    assert [found.name for found in tmp_path.iterdir()] == ["config"]


@pytest.mark.parametrize("data", [b"", b"\xff", "text", "clusters: [{}]", "clusters: 3"])
def test_what_is_no_kubeconfig_is_not_merged(tmp_path: Path, data: bytes | str) -> None:
    with pytest.raises(InvalidInputError):
        merge_kubeconfig(data, tmp_path / "config")
    assert not list(tmp_path.iterdir())


def test_a_file_that_somebody_else_writes_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(MINE)
    lock = tmp_path / "config.lock"
    lock.touch()
    with pytest.raises(StorageError, match="another program"):
        merge_kubeconfig(kubeconfig(), file)
    assert file.read_text() == MINE
    assert lock.exists()


def test_kubectl_s_variable_names_the_file(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    environ = {"KUBECONFIG": f"{first}:{second}", "HOME": str(tmp_path)}
    assert merge_kubeconfig(kubeconfig(), environ=environ).path == second
    first.write_text(MINE)
    assert merge_kubeconfig(kubeconfig("other"), environ=environ).path == first
    assert merge_kubeconfig(kubeconfig(), environ={"HOME": str(tmp_path)}).path == (
        tmp_path / ".kube" / "config"
    )


Merge = Callable[..., Any]


@pytest.mark.parametrize(
    ("merge", "default"),
    [(merge_talosconfig, ".talos/config"), (merge_omniconfig, ".talos/omni/config")],
)
def test_contexts_of_the_other_tools_are_renamed_and_selected(
    tmp_path: Path, merge: Merge, default: str
) -> None:
    environ = {"HOME": str(tmp_path)}
    data = "context: a\ncontexts:\n  a:\n    url: https://one\n"
    file = merge(data, environ=environ).path
    assert file == tmp_path / default
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("# mine\n" + file.read_text())
    merged = merge(data.replace("one", "two"), environ=environ)
    assert merged.renamed == (Renamed(kind="context", old="a", new="a-1"),)
    assert file.read_text().startswith("# mine\n")
    assert yaml.safe_load(file.read_text()) == {
        "context": "a-1",
        "contexts": {"a": {"url": "https://one"}, "a-1": {"url": "https://two"}},
    }
    assert merge(data.replace("one", "two"), environ=environ).context == "a-1"


NAMES = st.sampled_from(["a", "b", "a-1", "ä", "1"])
CONTENTS = st.dictionaries(st.sampled_from(["server", "token"]), st.text(max_size=8), min_size=1)
SECTION = st.dictionaries(NAMES, CONTENTS, max_size=4)


@settings(max_examples=60, deadline=None)
@given(mine=SECTION, theirs=SECTION)
def test_no_entry_is_ever_lost_or_altered(
    tmp_path_factory: pytest.TempPathFactory, mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    file = tmp_path_factory.mktemp("merge") / "config"
    listed = [{"name": name, "user": value} for name, value in mine.items()]
    file.write_text(yaml.safe_dump({"users": listed}, allow_unicode=True))
    data = yaml.safe_dump({"users": [{"name": n, "user": v} for n, v in theirs.items()]})
    merged = merge_kubeconfig(data, file)
    found = entries(file, "users", "user")
    assert {name: found[name] for name in mine} == mine
    new_names = {renamed.old: renamed.new for renamed in merged.renamed}
    assert all(found[new_names.get(name, name)] == value for name, value in theirs.items())
    before = file.read_bytes()
    merge_kubeconfig(data, file)
    assert file.read_bytes() == before
