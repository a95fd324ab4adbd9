"""Service accounts, with their keys made on the way."""

from __future__ import annotations

from omni_api._core.durations import UNSET, Seconds, Timeout
from omni_api._core.steps import Steps
from omni_api._gen import calls
from omni_api.credentials import LONGEST_LIFETIME, ServiceAccountKey


def create(
    name: str,
    role: str,
    lifetime: Seconds = LONGEST_LIFETIME,
    *,
    timeout: Timeout = UNSET,
) -> Steps[ServiceAccountKey]:
    """Create a service account and return its key, which nobody can ask Omni for again.

    Args:
        name: Name of the account: lower-case letters, digits, `.`, `_`, `-`; or
            `infra-provider:` and such a name, with the role InfraProvider.
        role: Omni's role: `Reader`, `Auditor`, `Operator`, `Admin` or `InfraProvider`.
        lifetime: How long the key is valid, in seconds or as a timedelta: at most 365 days, the
            default.
        timeout: Seconds or timedelta for the whole call, None for no limit. Default: the
            client's timeout.

    Returns:
        The key; `encode()` gives the value for `OMNI_SERVICE_ACCOUNT_KEY`.

    Raises:
        InvalidInputError: `name` or `lifetime` is not allowed. Nothing was sent.
        AlreadyExistsError: There is an account of this name; `renew` makes a further key.
        CallError: The server refused for another reason.

    Example:
        >>> key = omni.service_accounts.create("ci", "Operator")
        >>> key.name
        'ci'
    """
    key = ServiceAccountKey.generate(name, lifetime)
    yield calls.create_service_account(
        name=name, role=role, armored_pgp_public_key=key.armored_public_key, timeout=timeout
    )
    return key


def renew(
    name: str,
    lifetime: Seconds = LONGEST_LIFETIME,
    *,
    timeout: Timeout = UNSET,
) -> Steps[ServiceAccountKey]:
    """Give a service account a further, new key; the older ones stay valid until they expire.

    Args:
        name: Name of the account.
        lifetime: How long the key is valid, in seconds or as a timedelta: at most 365 days, the
            default.
        timeout: Seconds or timedelta for the whole call, None for no limit. Default: the
            client's timeout.

    Returns:
        The new key.

    Raises:
        InvalidInputError: `name` or `lifetime` is not allowed. Nothing was sent.
        NotFoundError: There is no account of this name.
        CallError: The server refused for another reason.

    Example:
        >>> old = omni.service_accounts.create("nightly-build", "Reader")
        >>> new = omni.service_accounts.renew("nightly-build")
        >>> old.fingerprint == new.fingerprint
        False
    """
    key = ServiceAccountKey.generate(name, lifetime)
    yield calls.renew_service_account(
        name=name, armored_pgp_public_key=key.armored_public_key, timeout=timeout
    )
    return key
