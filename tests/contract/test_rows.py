"""Lists that come from a server are tables and frames, with either package."""

from __future__ import annotations

from typing import Any

from sample_calls import one_machine

from omni_api import Rows
from omni_api.simulator import Simulator


def test_accounts_and_users_are_frames(omni: Any) -> None:
    accounts = omni.management.list_service_accounts().service_accounts.to_dataframe("polars")
    assert accounts["name"].to_list() == ["automation"]
    assert len(accounts["pgp_public_keys.id"][0]) == 40
    users = omni.management.list_users().users.to_dataframe("polars")
    assert users.filter(users["role"] == "Auditor")["email"].to_list() == ["auditor@example.org"]


def test_a_log_becomes_a_frame(omni: Any, simulator: Simulator) -> None:
    with omni.machines.logs(one_machine(simulator), tail=20) as log:
        frame = Rows(log).to_dataframe("polars")
    assert frame["time"].is_sorted()
    assert set(frame["level"]) <= {"info", "debug", "error"}


def test_events_become_a_frame_that_says_who_and_what(omni: Any) -> None:
    with omni.audit_log.events() as events:
        frame = Rows(events).to_dataframe("polars")
    assert "operator@example.org" in set(frame["actor"])
    assert "destroy" in set(frame["type"])


def test_the_files_of_a_bundle_are_a_table(omni: Any, tmp_path: Any) -> None:
    bundle = omni.support.save("talos-default", tmp_path)
    assert set(bundle.errors.to_dataframe("polars")["source"]) == {"cluster"}
    with bundle.open() as reader:
        frame = reader.entries.to_dataframe("polars")
        assert frame["size"].sum() == sum(entry.size for entry in reader.entries)
        assert "more" in reader._repr_html_()


def test_a_table_of_events_shows_its_rows_but_neither_raw_lines_nor_join_tokens(omni: Any) -> None:
    token = omni.management.create_join_token(name="rack-7").id
    text = omni.audit_log.table(resource_type="JoinTokens.omni.sidero.dev")._repr_html_()
    assert "JoinTokens.omni.sidero.dev" in text
    assert "&lt;hidden&gt;" in text
    assert token not in text
    assert ">raw<" not in text


def test_a_stream_shows_how_far_it_has_come(omni: Any, simulator: Simulator) -> None:
    with omni.management.machine_logs(machine_id=one_machine(simulator), tail_lines=3) as lines:
        for _ in lines:
            pass
    assert "ended: 3 chunks" in repr(lines)
