"""What type checkers make of the main calls. Never run; `test_types.py` checks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import assert_type

import omni_api
import omni_api_async
from omni_api import (
    UNSET,
    AuditLogLine,
    BootAssetKind,
    BundleProgress,
    BundleReader,
    CallError,
    CreateUserResponse,
    InventoryPolicy,
    KubeconfigResponse,
    KubernetesSSAOptions,
    ListUsersResponse,
    LogLine,
    LogLineMetadata,
    LogRecord,
    MaintenanceOperation,
    MaintenanceProgress,
    MaintenanceStep,
    ManifestChange,
    ManifestSync,
    ManifestSyncType,
    NotFoundError,
    RetryPolicy,
    ServiceAccountKey,
    SupportBundle,
    SupportBundleProgress,
    TalosconfigResponse,
    User,
    display,
)
from omni_api.audit import AuditEvent, ClusterChange, Payload

key = ServiceAccountKey.generate("ci", timedelta(days=90))
assert_type(key, ServiceAccountKey)
assert_type(key.expires, datetime | None)
assert_type(key.encode(), str)
assert_type(ServiceAccountKey.decode("..."), ServiceAccountKey)


def blocking() -> None:
    omni = omni_api.OmniClient(
        "https://omni.example.com",
        auth=key,
        tls=omni_api.TLS(ca_file="ca.pem"),
        retry=RetryPolicy(attempts=2),
        timeout=timedelta(minutes=1),
        read_only=True,
        compression="gzip",
    )
    assert_type(omni_api.OmniClient.from_env(timeout=None), omni_api.OmniClient)
    assert_type(omni_api.OmniClient.from_omniconfig("c", "prod"), omni_api.OmniClient)
    with omni as entered:
        assert_type(entered, omni_api.OmniClient)
    users = omni.management.list_users(timeout=UNSET)
    assert_type(users, ListUsersResponse)
    assert_type(users.users, omni_api.Rows[User])
    assert_type(users.users[:2], omni_api.Rows[User])
    assert_type(users.users[0].last_active, datetime | None)
    assert_type(users.users[0].saml_labels, Mapping[str, str])
    made = omni.management.create_user(email="a@example.org", role="Reader")
    assert_type(made, CreateUserResponse)
    assert_type(omni.management.kubeconfig(cluster="c"), KubeconfigResponse)
    assert_type(omni.management.talosconfig(), TalosconfigResponse)
    omni.management.kubeconfig(cluster="c", service_account_ttl=3600, timeout=None)
    omni.management.create_schematic(meta_values={10: "a"}, extensions=["a", "b"])
    omni.management.create_join_token(name="a", expiration_time=datetime.now(UTC))
    omni.management.get_boot_asset_url(
        talos_version="v", schematic_id="s", boot_asset_kind=99, platform="m", architecture="x"
    )
    lines = omni.management.machine_logs(machine_id="m", follow=True, tail_lines=0)
    assert_type(lines, omni_api.Stream[LogLine])
    with lines as entered_lines:
        assert_type(entered_lines, omni_api.Stream[LogLine])
        for line in entered_lines:
            assert_type(line, LogLine)
            assert_type(line.bytes, bytes)
            assert_type(line.metadata, LogLineMetadata | None)
    assert_type(lines.chunks, int)
    for step in omni.management.get_support_bundle(cluster="c"):
        assert_type(step, SupportBundleProgress)
        assert_type(step.progress_percentage, float)
    ssa = KubernetesSSAOptions(inventory_policy=InventoryPolicy.ADOPT_ALL, no_prune=True)
    for sync in omni.management.kubernetes_sync_manifests(cluster="c", dry_run=False, ssa=ssa):
        assert_type(sync, ManifestSync)
        assert_type(sync.response_type, ManifestSyncType | int)
    with omni.audit_log.read("2026-11-01", date(2026, 11, 24)) as events:
        assert_type(next(events), AuditLogLine)
    with omni.audit_log.events("2026-11-01", strict=True) as typed:
        event = next(typed)
        assert_type(event, AuditEvent)
        assert_type(event.payload, Payload | None)
        if isinstance(event.payload, ClusterChange):
            assert_type(event.payload.labels, Mapping[str, str])
    account = omni.service_accounts.create("ci", "Reader", lifetime=timedelta(days=1))
    assert_type(account, ServiceAccountKey)
    with display.bars(style="none") as show:
        saved = omni.support.save("c", "c.zip", encrypt=["age1..."], on_progress=show)
        assert_type(saved, SupportBundle)
        assert_type(saved.open(), BundleReader)
        assert_type(omni.support.collect("c"), omni_api.Stream[BundleProgress])
        assert_type(show.watch(lines, "lines"), Iterator[LogLine])
    assert_type(omni.close(), None)


def blocking_machines(omni: omni_api.OmniClient) -> None:
    for record in omni.machines.logs(["m", "n"], tail=5, follow=True):
        assert_type(record, LogRecord)
        assert_type(record.time, datetime | None)
        assert_type(record.fields, Mapping[str, object])
        assert_type(record.format("dmesg"), str)
    for change in omni.kubernetes.sync_manifests("c", reconcile_timeout=timedelta(minutes=1)):
        assert_type(change, ManifestChange)
        assert_type(change.object, Mapping[str, object])


async def asynchronous() -> None:
    async with omni_api_async.OmniClient.from_env() as omni:
        assert_type(omni, omni_api_async.OmniClient)
        assert_type(await omni.management.list_users(), ListUsersResponse)
        assert_type(await omni.management.kubeconfig(cluster="c"), KubeconfigResponse)
        lines = omni.management.machine_logs(machine_id="m", timeout=2.5)
        assert_type(lines, omni_api_async.Stream[LogLine])
        async with lines as entered:
            async for line in entered:
                assert_type(line, LogLine)
        install = omni.management.maintenance_lifecycle(
            machine_id="m", operation=MaintenanceOperation.INSTALL, disk="/dev/sda"
        )
        async for progress in install:
            assert_type(progress, MaintenanceProgress)
        async for step in omni.machines.install("m", disk="/dev/sda"):
            assert_type(step, MaintenanceStep)
        async with omni.audit_log.read(end=date(2026, 11, 24)) as events:
            assert_type(await anext(events), AuditLogLine)
        async with omni.audit_log.events(on_malformed=lambda one: print(one.reason)) as typed:
            assert_type(await anext(typed), AuditEvent)
        assert_type(await omni.service_accounts.renew("ci"), ServiceAccountKey)
        with display.bars() as show:
            assert_type(await omni.support.save("c", on_progress=show), SupportBundle)
            assert_type(show.watch(lines, "lines"), AsyncIterator[LogLine])
        kind = BootAssetKind.ISO
        assert_type(kind.value, int)
        assert_type(await lines.close(), None)
    # What both packages share is one and the same class.
    retry: omni_api.RetryPolicy = omni_api_async.RetryPolicy()
    omni_api.OmniClient("https://omni.example.com", retry=retry)


def failing(error: omni_api.OmniError) -> None:
    if isinstance(error, NotFoundError):
        assert_type(error.details, str)
        assert_type(error.outcome_unknown, bool)
    as_call: type[CallError] = omni_api_async.NotFoundError
    as_value: type[ValueError] = omni_api.InvalidInputError
    as_timeout: type[TimeoutError] = omni_api.DeadlineExceededError
    assert as_call
    assert as_value
    assert as_timeout
