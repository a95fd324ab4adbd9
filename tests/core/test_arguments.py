"""Checks of arguments: each error names the argument, the value and the allowed form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from laws import given, st

from omni_api import BootAssetKind, Identity, InvalidInputError, SchematicOverlay
from omni_api._core import arguments
from omni_api._gen import calls
from omni_api._gen.models import AuditLogEventType

Make = Callable[[], object]

WRONG: dict[str, tuple[Make, str]] = {
    "bytes for text": (
        lambda: calls.create_user(email=b"a", role="r"),  # type: ignore[arg-type]
        "email must be a str, not b'a'",
    ),
    "empty text": (lambda: calls.create_user(email="", role="r"), "email must not be empty"),
    "blank text": (lambda: calls.create_user(email=" \t", role="r"), "email must not be empty"),
    "a half of a pair": (
        lambda: calls.create_user(email="a\ud800", role="r"),
        "email must be valid Unicode text: surrogates not allowed at character 1",
    ),
    "text for a list": (
        lambda: calls.create_schematic(extensions="abc"),
        "extensions must be a list of str, not 'abc'",
    ),
    "a number in a list": (
        lambda: calls.create_schematic(extensions=["a", 7]),  # type: ignore[list-item]
        r"extensions\[1\] must be a str, not 7",
    ),
    "a number for a flag": (
        lambda: calls.machine_logs(machine_id="m", follow=1),  # type: ignore[arg-type]
        "follow must be True or False, not 1",
    ),
    "text for a number": (
        lambda: calls.machine_logs(machine_id="m", tail_lines="5"),  # type: ignore[arg-type]
        "tail_lines must be an int, not '5'",
    ),
    "a flag for a number": (
        lambda: calls.machine_logs(machine_id="m", tail_lines=True),
        "tail_lines must be an int, not True",
    ),
    "a number that is too large": (
        lambda: calls.machine_logs(machine_id="m", tail_lines=2**31),
        "tail_lines must be from -2147483648 to 2147483647, not 2147483648",
    ),
    "no bytes": (
        lambda: calls.create_schematic_from_raw(raw_schematic=b""),
        "raw_schematic must not be empty",
    ),
    "text for bytes": (
        lambda: calls.create_schematic_from_raw(raw_schematic="x"),  # type: ignore[arg-type]
        "raw_schematic must be bytes, not str",
    ),
    "a name for a member": (
        lambda: calls.maintenance_lifecycle(machine_id="m", operation="INSTALL"),  # type: ignore[arg-type]
        r"operation must be a MaintenanceOperation \(UNSPECIFIED, INSTALL, UPGRADE\) or a number",
    ),
    "a member of another enum": (
        lambda: calls.maintenance_lifecycle(machine_id="m", operation=BootAssetKind.ISO),
        "operation must be a MaintenanceOperation, not <BootAssetKind.ISO: 2>",
    ),
    "a moment without time zone": (
        lambda: calls.create_join_token(name="a", expiration_time=datetime(2026, 11, 24)),  # noqa: DTZ001
        "expiration_time must say its time zone: 2026-11-24T00:00:00 has none",
    ),
    "text for a moment": (
        lambda: calls.create_join_token(name="a", expiration_time="2026-11-24"),  # type: ignore[arg-type]
        "expiration_time must be a datetime, not '2026-11-24'",
    ),
    "text keys for numbers": (
        lambda: calls.create_schematic(meta_values={"10": "a"}),  # type: ignore[dict-item]
        "key of meta_values must be an int, not '10'",
    ),
    "a list for a map": (
        lambda: calls.create_schematic(meta_values=[(1, "a")]),  # type: ignore[arg-type]
        "meta_values must map int to str",
    ),
    "a mapping for a model": (
        lambda: calls.create_schematic(overlay={"image": "a"}),  # type: ignore[arg-type]
        "overlay must be a SchematicOverlay, not dict",
    ),
    "a model with a wrong value": (
        lambda: calls.create_schematic(overlay=SchematicOverlay(image="", name="a")),
        "image must not be empty",
    ),
    "a duration of nothing": (
        lambda: calls.kubeconfig(cluster="c", service_account_ttl=0),
        "service_account_ttl must be a positive duration, not 0",
    ),
    "a duration beyond all": (
        lambda: calls.kubeconfig(cluster="c", service_account_ttl=timedelta.max),
        "service_account_ttl is too long",
    ),
    "an empty cluster": (lambda: calls.kubeconfig(cluster=""), "cluster must not be empty"),
    "a cluster that no header can carry": (
        lambda: calls.kubeconfig(cluster="pr\u00f6d"),
        "cluster must be the name of a cluster",
    ),
    "a cluster with a line break": (
        lambda: calls.kubeconfig(cluster="a\nb"),
        "cluster must be the name of a cluster",
    ),
}


@pytest.mark.parametrize(("make", "expected"), list(WRONG.values()), ids=list(WRONG))
def test_a_wrong_argument_is_refused_with_name_value_and_form(make: Make, expected: str) -> None:
    with pytest.raises(InvalidInputError, match=expected):
        make()


SECRET: list[Make] = [
    lambda: calls.validate_config(config=b"hunter2"),  # type: ignore[arg-type]
    lambda: calls.validate_config(config="hunter2\ud800"),
    lambda: calls.create_schematic(join_token=["hunter2"]),  # type: ignore[arg-type]
    lambda: calls.create_schematic(embedded_machine_config=b"hunter2"),  # type: ignore[arg-type]
    lambda: calls.create_schematic_from_raw(raw_schematic="hunter2"),  # type: ignore[arg-type]
    lambda: calls.get_machine_join_config(join_token=b"hunter2"),  # type: ignore[arg-type]
    lambda: calls.read_audit_log(resource_id=b"hunter2"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("make", SECRET)
def test_an_error_does_not_repeat_a_secret(make: Make) -> None:
    with pytest.raises(InvalidInputError) as caught:
        make()
    assert "hunter2" not in str(caught.value)


@given(st.integers(), st.sampled_from(["int32", "int64", "uint32"]))
def test_an_int_is_taken_exactly_where_it_fits(value: int, kind: str) -> None:
    bits = int(kind[-2:]) - (kind[0] == "i")
    low = -(2**bits) if kind[0] == "i" else 0
    if low <= value < 2**bits:
        assert arguments.integer("n", value, kind) == value
    else:
        with pytest.raises(InvalidInputError, match=f"n must be from .* not {value}"):
            arguments.integer("n", value, kind)


@given(st.text())
def test_any_text_that_can_be_sent_is_taken_as_it_is(text: str) -> None:
    assert arguments.text("name", text) == text


@given(st.text())
def test_a_cluster_is_sent_as_metadata_or_refused(name: str) -> None:
    try:
        metadata = arguments.cluster(name)
    except InvalidInputError as error:
        assert "cluster must" in str(error)
    else:
        assert metadata == (("context", name),)
        assert name.isascii()
        assert name.isprintable()
        assert name == name.strip()


@given(st.integers())
def test_a_number_stands_for_a_member_that_we_do_not_know(number: int) -> None:
    try:
        assert arguments.enumeration("event_type", number, AuditLogEventType) == number
    except InvalidInputError:
        assert not -(2**31) <= number < 2**31


@pytest.mark.parametrize("hours", [-14, 14])
def test_a_moment_at_the_edge_of_the_calendar_is_taken_or_refused_as_wrong_input(
    hours: int,
) -> None:
    zone = timezone(timedelta(hours=hours))
    edge = datetime(9999, 12, 31, 23, tzinfo=zone) if hours < 0 else datetime(1, 1, 1, tzinfo=zone)
    with pytest.raises(InvalidInputError, match="expiration_time"):
        calls.create_join_token(name="a", expiration_time=edge)


def test_a_moment_is_handed_on_in_utc() -> None:
    moment = datetime(2026, 11, 24, 13, tzinfo=timezone(timedelta(hours=1)))
    assert arguments.moment("t", moment) == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert arguments.moment("t", moment).tzinfo is UTC


@pytest.mark.parametrize("value", [1e-9, 4e-7])
def test_a_duration_below_what_can_be_sent_does_not_become_nothing(value: float) -> None:
    with pytest.raises(InvalidInputError, match="service_account_ttl"):
        calls.kubeconfig(cluster="c", service_account_ttl=value)


def test_a_model_as_argument_is_checked_when_it_is_sent() -> None:
    with pytest.raises(InvalidInputError, match="email must not be empty"):
        Identity(email="").to_proto()
