"""What type checkers have to refuse: the marked lines and no others. Never run."""

# ruff: noqa: B007, B018, F841

from __future__ import annotations

import omni_api
import omni_api_async
from omni_api import CallError, KubernetesSSAOptions, RetryPolicy, ServiceAccountKey, User

omni = omni_api.OmniClient("https://omni.example.com")
twin = omni_api_async.OmniClient("https://omni.example.com")
users = omni.management.list_users()

omni_api.OmniCient  # E: attr-defined
omni_api.OmniClient()  # E: call-arg
omni_api.OmniClient("https://omni.example.com", "a key")  # E: arg-type,call-arg
omni_api.OmniClient("https://omni.example.com", auth="a key")  # E: arg-type
omni_api.OmniClient("https://omni.example.com", compression="zip")  # E: arg-type
omni_api.OmniClient("https://omni.example.com", timeout="5s")  # E: arg-type
omni_api.OmniClient.from_env(timeot=5)  # E: call-arg
omni.manage_ment  # E: attr-defined
omni.management.list_user()  # E: attr-defined
omni.management.kubeconfig()  # E: call-arg
omni.management.kubeconfig("prod")  # E: call-arg
omni.management.kubeconfig(cluster=None)  # E: arg-type
omni.management.kubeconfig(cluster="prod", break_glas=True)  # E: call-arg
omni.management.kubeconfig(cluster="prod", timeout="5")  # E: arg-type
omni.management.create_user(email="a@example.org")  # E: call-arg
omni.management.create_join_token(name="a", expiration_time=90)  # E: arg-type
omni.management.create_schematic(meta_values={"a": "b"})  # E: dict-item
omni.management.read_audit_log(start_time=20261124)  # E: arg-type
omni.audit_log.read(1, 2)  # E: arg-type
omni.management.maintenance_lifecycle(machine_id="m", operation="INSTALL")  # E: arg-type
omni.service_accounts.create("ci")  # E: call-arg
users.user  # E: attr-defined
users.users[0].role = "Admin"  # E: misc
users.users.append(users.users[0])  # E: attr-defined
users.users[0].last_active.isoformat()  # E: union-attr
User(id="1", email="a", role="Reader")  # E: call-arg
KubernetesSSAOptions(no_prune=True)  # E: call-arg
RetryPolicy(3)  # E: call-arg
RetryPolicy(attempts=2.5)  # E: arg-type
ServiceAccountKey.generate()  # E: call-arg
ServiceAccountKey.generate("ci").name = "other"  # E: misc
CallError("words")  # E: call-arg

with omni.management.list_users() as entered:  # E: attr-defined
    pass
with twin as blocked:  # E: attr-defined
    pass
for line in twin.management.machine_logs(machine_id="m"):  # E: attr-defined
    pass


async def mixed_up() -> None:
    await omni.management.list_users()  # E: misc
    (await twin.management.list_users()).users
    twin.management.list_users().users  # E: attr-defined
    twin.management.list_users()  # E: unused-coroutine
    await twin.management.machine_logs(machine_id="m")  # E: misc
    async with omni as wrong:  # E: attr-defined
        pass
    async for line in omni.management.machine_logs(machine_id="m"):  # E: attr-defined
        pass
