"""Configs are merged into the files of a person, and nothing else in them changes."""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from disks import DISKS, without_rights
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_api import ConfigurationError, InvalidInputError, StorageError
from omni_api.client_configs import (
    Renamed,
    merge_kubeconfig,
    merge_omniconfig,
    merge_talosconfig,
    save_config,
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


def test_what_others_write_while_a_person_is_asked_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "config"
    merge_kubeconfig(kubeconfig(token="old"), file)

    def decide(_kind: str, _name: str) -> Any:
        merge_kubeconfig(kubeconfig("theirs"), file)
        return "overwrite"

    with pytest.raises(StorageError, match="meanwhile: repeat it"):
        merge_kubeconfig(kubeconfig(token="new"), file, on_clash=decide)
    assert "theirs-me" in entries(file, "users", "user")
    merge_kubeconfig(kubeconfig(token="new"), file, on_clash=decide)
    assert entries(file, "users", "user")["omni-prod-me"] == {"token": "new"}
    assert [found.name for found in tmp_path.iterdir()] == ["config"]


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


def dumped(value: object) -> str:
    """Write texts so that readers of YAML 1.1 and of 1.2 agree on them."""
    return yaml.safe_dump(value, allow_unicode=True, default_style='"')


@settings(max_examples=60, deadline=None)
@given(mine=SECTION, theirs=SECTION)
def test_no_entry_is_ever_lost_or_altered(
    tmp_path_factory: pytest.TempPathFactory, mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    file = tmp_path_factory.mktemp("merge") / "config"
    listed = [{"name": name, "user": value} for name, value in mine.items()]
    file.write_text(dumped({"users": listed}))
    data = dumped({"users": [{"name": n, "user": v} for n, v in theirs.items()]})
    merged = merge_kubeconfig(data, file)
    found = entries(file, "users", "user")
    assert {name: found[name] for name in mine} == mine
    new_names = {renamed.old: renamed.new for renamed in merged.renamed}
    assert all(found[new_names.get(name, name)] == value for name, value in theirs.items())
    before = file.read_bytes()
    merge_kubeconfig(data, file)
    assert file.read_bytes() == before


GO_WROTE = """\
apiVersion: v1
kind: Config
clusters:
  - cluster:
      server:   https://10.0.0.1:6443
    name: home
contexts:
  - context: {cluster: home, user: me}
    name: home
users:
- name: me
  user:
    token: >-
      very-
      secret
    env: null
current-context: home   # for now
"""


def test_lines_that_need_no_change_are_not_touched_whatever_their_style(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(GO_WROTE)
    merge_kubeconfig(kubeconfig(), file)
    written = file.read_text().splitlines()
    kept = [line for line in GO_WROTE.splitlines() if not line.startswith("current-context")]
    rest = iter(written)
    assert all(line in rest for line in kept)
    assert written[-1] == "current-context: omni-prod   # for now"


def test_names_that_other_readers_of_yaml_take_for_something_else_stay_texts(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config"
    file.write_text("context: on\ncontexts:\n    on: {url: https://one}\n    1: {url: x}\n")
    merged = merge_omniconfig("context: on\ncontexts:\n  on: {url: https://two}\n", file)
    assert merged.context == "on-1"
    assert file.read_text() == (
        "context: on-1\ncontexts:\n    on: {url: https://one}\n    1: {url: x}\n"
        "    on-1:\n      url: https://two\n"
    )


def test_a_file_in_json_stays_one(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(yaml.safe_load(MINE)))
    merge_kubeconfig(kubeconfig(), file)
    found = json.loads(file.read_text())
    assert [entry["name"] for entry in found["clusters"]] == ["home", "omni-prod"]


def test_an_entry_that_others_refer_to_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "config"
    text = "contexts:\n  a: &shared\n    url: https://one\n  b: *shared\n"
    file.write_text(text)
    data = "context: a\ncontexts:\n  a:\n    url: https://two\n"
    with pytest.raises(ConfigurationError, match="anchors"):
        merge_omniconfig(data, file, on_clash="overwrite")
    assert file.read_text() == text
    assert merge_omniconfig(data, file).context == "a-1"
    assert yaml.safe_load(file.read_text())["contexts"]["b"] == {"url": "https://one"}


def test_a_hundred_clusters_more_are_merged_in_no_time(tmp_path: Path) -> None:
    file = tmp_path / "config"
    for number in range(3):
        parts = [yaml.safe_load(kubeconfig(f"c{number}-{more}")) for more in range(100)]
        data = {
            section: [part[section][0] for part in parts]
            for section in ("clusters", "users", "contexts")
        }
        merge_kubeconfig(yaml.safe_dump(data), file)
    assert len(entries(file, "users", "user")) == 300


@pytest.mark.parametrize("disk", ["a full disk", "a limit for files"])
def test_a_disk_that_is_full_leaves_the_file_as_it_was(tmp_path: Path, disk: str) -> None:
    failing, words = DISKS[disk]
    data = kubeconfig(server="https://" + "long" * 20_000)
    with failing(tmp_path):
        file = tmp_path / "config"
        file.write_text(MINE)
        with pytest.raises(StorageError, match=words):
            merge_kubeconfig(data, file)
        assert file.read_text() == MINE
        assert list(tmp_path.iterdir()) == [file]


def test_a_disk_that_takes_nothing_is_named(tmp_path: Path) -> None:
    failing, words = DISKS["a read-only disk"]
    with failing(tmp_path), pytest.raises(StorageError, match=words):
        merge_kubeconfig(kubeconfig(), tmp_path / "config")


def test_a_file_that_may_not_be_written_is_not_replaced() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        file = directory / "config"
        file.write_text(MINE)
        file.chmod(0o444)
        with without_rights(), pytest.raises(StorageError, match="Permission denied"):
            merge_kubeconfig(kubeconfig(), file)
        assert file.read_text() == MINE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(MINE)
    file.chmod(0o604)
    os.chown(file, 1234, 4321)
    merge_kubeconfig(kubeconfig(), file)
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 4321, 0o604)


def test_a_file_of_somebody_else_is_not_taken_over() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        file = directory / "config"
        file.write_text(MINE)
        file.chmod(0o666)
        if os.geteuid() != 0:
            pytest.skip("only root can make a file of somebody else's")
        with without_rights(), pytest.raises(StorageError, match="not permitted"):
            merge_kubeconfig(kubeconfig(), file)
        assert file.read_text() == MINE
        assert [found.name for found in directory.iterdir()] == ["config"]


def test_a_name_that_is_there_twice_is_told_since_kubectl_reads_no_such_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config"
    text = "users:\n- {name: a, user: {token: secret}}\n- {name: a, user: {}}\n"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="two users of the name 'a'") as caught:
        merge_kubeconfig(kubeconfig(), file)
    assert "secret" not in str(caught.value)
    assert file.read_text() == text


def test_only_files_are_merged_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(InvalidInputError, match="must name a file"):
            merge_kubeconfig(kubeconfig(), path)


def test_the_lock_is_where_kubectl_looks_for_it(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text(MINE)
    link = tmp_path / "config"
    link.symlink_to(real)
    (tmp_path / "config.lock").touch()
    with pytest.raises(StorageError, match=r"config\.lock"):
        merge_kubeconfig(kubeconfig(), link)
    assert real.read_text() == MINE


def test_a_file_of_its_own_is_new_unless_it_may_replace_another(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "kubeconfig"
    assert save_config("a: 1", file) == file
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with pytest.raises(InvalidInputError, match="already"):
        save_config(b"a: 2", file)
    assert file.read_text() == "a: 1"
    file.chmod(0o600)
    save_config(b"a: 2", file, overwrite=True)
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("a: 2", 0o600)
    assert [found.name for found in file.parent.iterdir()] == ["kubeconfig"]


def test_a_file_that_cannot_be_written_is_not_replaced_either() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        file = directory / "kubeconfig"
        file.write_text("mine")
        file.chmod(0o444)
        with without_rights(), pytest.raises(StorageError, match="Permission denied"):
            save_config("a: theirs", file, overwrite=True)
        assert file.read_text() == "mine"
        with pytest.raises(InvalidInputError, match="is a directory"):
            save_config("a: theirs", directory, overwrite=True)


@pytest.mark.parametrize(
    ("data", "mode"),
    [
        (kubeconfig(), 0o640),
        (kubeconfig(token="t"), 0o600),
        ("contexts: {a: {crt: c, key: k}}", 0o600),
        ("contexts: {a: {auth: {siderov1: {identity: me}}}}", 0o640),
        ("users: [text, {user: text}]", 0o640),
    ],
)
def test_nobody_else_can_read_a_new_file_with_a_secret_in_it(
    tmp_path: Path, data: str, mode: int
) -> None:
    assert stat.S_IMODE(save_config(data, tmp_path / "own").stat().st_mode) == mode
    assert stat.S_IMODE(save_config(data, tmp_path / "as told", mode=0o400).stat().st_mode) == 0o400
    if "apiVersion" in data:
        merge_kubeconfig(data, tmp_path / "merged")
        assert stat.S_IMODE((tmp_path / "merged").stat().st_mode) == mode


@pytest.mark.parametrize("data", [b"\xff", "no mapping", b""])
def test_what_is_no_config_is_not_saved(tmp_path: Path, data: bytes | str) -> None:
    with pytest.raises(InvalidInputError, match="YAML mapping"):
        save_config(data, tmp_path / "own")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"on_clash": "nope"}, 'on_clash must be "rename" or "overwrite"'),
        ({"context_name": ""}, "context_name"),
        ({"context_name": 3}, "context_name"),
        ({"path": 3}, "path must be a file"),
        ({"path": "a\0b"}, "path must be a file"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_a_file_is_touched(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(said)):
        merge_kubeconfig(kubeconfig(), **{"path": tmp_path / "config", **options})
    assert not list(tmp_path.iterdir())


def test_a_directory_is_no_file_to_save_or_to_merge_into(tmp_path: Path) -> None:
    for write in (merge_kubeconfig, save_config):
        with pytest.raises(InvalidInputError, match="is a directory"):
            write(kubeconfig(), tmp_path)
    with pytest.raises(InvalidInputError, match="mode"):
        save_config(kubeconfig(), tmp_path / "config", mode="0600")  # type: ignore[arg-type]


def test_a_config_that_points_to_nothing_sensible_is_merged_as_it_is(tmp_path: Path) -> None:
    odd = "contexts: [{name: a, context: {cluster: [b], user: {c: d}}}]\n"
    merge_kubeconfig(odd, tmp_path / "config")
    assert entries(tmp_path / "config", "contexts", "context")["a"]["cluster"] == ["b"]
    merged = merge_omniconfig("context: [a]\ncontexts: {a: {url: https://a}}", tmp_path / "omni")
    assert merged.context == ""


def test_a_config_with_a_name_twice_is_not_merged(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="each of its users once"):
        merge_kubeconfig("users: [{name: a, user: {}}, {name: a, user: {}}]", tmp_path / "config")
