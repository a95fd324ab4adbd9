"""An export of the audit log as a whole: is it intact, what is in it, and questions in SQL.

Everything here works on files alone and needs no Omni. Which files there are is said by their
manifests; `_export/` finds, opens and reads them, `_tables/` shows them to DuckDB.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from omni_api._core.call import Skipped
from omni_api._core.dates import Day, day_range
from omni_api.audit._export import reading
from omni_api.audit._export.manifest import DayFile, from_day_manifest, is_day_manifest
from omni_api.audit._export.store import read, store
from omni_api.audit._tables import duck
from omni_api.audit.event import SERVICE_ACCOUNTS, AuditEvent
from omni_api.audit.reader import EventReader, MalformedEvent
from omni_api.audit.table import EventTable
from omni_api.errors import ExportError, InvalidInputError, StorageError
from omni_api.rows import Rows

__all__ = ["AuditExport"]

_EVER = datetime(1, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_BLOCK = 1 << 20


class AuditExport:
    """The audit log as `omni.audit_log.export` wrote it, a file a day, in whichever formats.

    It reads the files anew for every question, so it sees what an export has added meanwhile. It
    waits for the disk: in asyncio, call its methods with `asyncio.to_thread`.

    Args:
        directory: The directory (`~` is your home), or a URL such as `s3://bucket/audit` (extra
            `fsspec`).
        storage_options: Options of fsspec for the URL, such as credentials.

    Raises:
        InvalidInputError: `storage_options` are given for a local directory.
        MissingLibraryError: It is a URL and fsspec, or its library for the kind, is missing.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from omni_api.audit import AuditExport
        >>> with TemporaryDirectory() as directory:
        ...     result = omni.audit_log.export(directory)
        ...     archive = AuditExport(directory)
        ...     damaged = archive.verify()
        ...     touched = archive.who_touched("talos-default")
        ...     kinds = archive.query("SELECT event_type, count(*) AS n FROM events GROUP BY ALL")
        >>> (damaged, touched.columns[:2], kinds.columns)
        ((), ('time', 'event_type'), ('event_type', 'n'))
    """

    def __init__(
        self, directory: str | Path, *, storage_options: Mapping[str, object] | None = None
    ) -> None:
        self._place = store(directory, storage_options)

    def __repr__(self) -> str:
        return f"AuditExport({self._place.place!r})"

    @property
    def days(self) -> Rows[DayFile]:
        """The days that are there, in order, as their manifests describe them.

        Raises:
            ExportError: There is no manifest, so this is no export; or one of them is damaged.
            StorageError: The directory is not there, or cannot be read.
        """
        found = [self._manifest(name) for name in self._place.sizes() if is_day_manifest(name)]
        if not found:
            raise ExportError(
                f"{self._place.place} is no export of the audit log: it holds no file "
                "audit-log-YYYY-MM-DD.manifest.json; make one with omni.audit_log.export"
            )
        return Rows(sorted(found, key=lambda day: day.day), of=DayFile)

    def verify(self) -> Rows[DayFile]:
        """Compare the size and SHA-256 of every file with its manifest.

        Returns:
            The days whose file is damaged or missing; empty when all is well. Move those files
            away and export their days again: an export itself looks at their size only.

        Raises:
            ExportError: There is no manifest, or one of them is damaged.
            StorageError: The directory is not there, or cannot be read.
        """
        return Rows((day for day in self.days if not self._intact(day)), of=DayFile)

    def lines(self, start: Day | None = None, end: Day | None = None) -> Iterator[bytes]:
        """Yield the events as they came: one JSON object and a line break each.

        Args:
            start: First day, `YYYY-MM-DD` or a date. Default: the first there is.
            end: Last day, included. Default: the last there is.

        Raises:
            InvalidInputError: A day is malformed, or `start` is after `end`.
            ExportError: There is no manifest, or a file is damaged.
            StorageError: A file is missing, or cannot be read.
            MissingLibraryError: A file is in a format whose library is not installed.
        """
        first, last = day_range(start, end)
        days = self._whole(
            day
            for day in self.days
            if (first is None or first <= day.day) and (last is None or day.day <= last)
        )
        return itertools.chain.from_iterable(reading.lines(self._place, day) for day in days)

    def events(
        self,
        start: Day | None = None,
        end: Day | None = None,
        *,
        strict: bool = False,
        on_malformed: Callable[[MalformedEvent], None] | None = None,
    ) -> Iterator[AuditEvent]:
        """Yield the events, decoded one by one.

        Args:
            start: First day, `YYYY-MM-DD` or a date. Default: the first there is.
            end: Last day, included. Default: the last there is.
            strict: Raise at a line that is no event, instead of reporting and skipping it.
            on_malformed: Called with each line that is no event. Default: a warning of the logger
                `omni_api`.

        Raises:
            InvalidInputError: A day is malformed, `start` is after `end`, or both options are
                given.
            MalformedEventError: A line is no event, and `strict` is True.
            ExportError: There is no manifest, or a file is damaged.
            StorageError: A file is missing, or cannot be read.
            MissingLibraryError: A file is in a format whose library is not installed.
        """
        read = EventReader(strict=strict, on_malformed=on_malformed).event
        found = (read(line) for line in self.lines(start, end))
        return (event for event in found if not isinstance(event, Skipped))

    def query(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
    ) -> EventTable:
        """Ask a question in the SQL of DuckDB. Needs the extra `duckdb`, and no network.

        The view `events` has the columns `time` (timestamp with time zone), `event_type`,
        `resource_type`, `resource_id`, `cluster`, `actor` (e-mail address), `user_id`, `role`,
        `fingerprint`, `user_agent` and `raw` (the line). What is absent is null; a malformed line
        has `raw` alone. Rows come in the order of time, unless the query orders or groups them.

        Args:
            sql: The query. It runs with your rights: it can also read other files.
            parameters: Values of `?` and `$1` as a sequence, or of `$name` as a mapping. They are
                bound, never pasted into the SQL.

        Raises:
            InvalidInputError: DuckDB does not understand the SQL.
            ExportError: There is no manifest, a file cannot be read, or the query failed while it
                ran. DuckDB's own words on that may quote events, so they are in `__context__` only.
            MissingLibraryError: duckdb or pyarrow is not installed.
        """
        return duck.answer(self._place, self._whole(self.days), sql, parameters)

    def who_touched(self, cluster: str, since: datetime | None = None) -> EventTable:
        """Return the events about a cluster, other than reading the log of it.

        `SELECT * FROM events WHERE cluster = $cluster AND time >= $since
        AND event_type <> 'audit_log_access'`

        Args:
            cluster: Name of the cluster.
            since: Only events at or after this moment, with a time zone. Default: all.

        Raises:
            InvalidInputError: `since` has no time zone.
            ExportError: As with `query`, and so are the other errors.
        """
        return self._ask(
            "SELECT * FROM events WHERE cluster = $cluster AND time >= $since "
            "AND event_type <> 'audit_log_access'",
            since,
            cluster=cluster,
        )

    def what_did(self, actor: str, since: datetime | None = None) -> EventTable:
        """Return the events that an account caused.

        `SELECT * FROM events WHERE actor = $actor AND time >= $since`

        Args:
            actor: E-mail address of the user, or name of the service account, such as
                `nightly-backup`; case is ignored.
            since: Only events at or after this moment, with a time zone. Default: all.

        Raises:
            InvalidInputError: `actor` is empty, or `since` has no time zone.
            ExportError: As with `query`, and so are the other errors.
        """
        return self._ask(
            "SELECT * FROM events WHERE actor = $actor AND time >= $since",
            since,
            actor=_address(actor),
        )

    def changes(self, since: datetime, until: datetime | None = None) -> EventTable:
        """Return what changed in Omni: the events that are no accesses.

        `SELECT * FROM events WHERE time >= $since AND time < $until
        AND NOT ends_with(event_type, '_access')`

        Args:
            since: Only events at or after this moment, with a time zone.
            until: Only events before this moment, with a time zone. Default: all.

        Raises:
            InvalidInputError: A moment has no time zone.
            ExportError: As with `query`, and so are the other errors.
        """
        return self._ask(
            "SELECT * FROM events WHERE time >= $since AND time < $until "
            "AND NOT ends_with(event_type, '_access')",
            since,
            until=_moment("until", until) or _NEVER,
        )

    def _ask(self, sql: str, since: datetime | None, **parameters: object) -> EventTable:
        """Ask for what happened since a moment. Days that were over by then are not opened."""
        begin = _moment("since", since) or _EVER
        days = self._whole(day for day in self.days if day.last is not None and day.last >= begin)
        return duck.answer(self._place, days, sql, {"since": begin, **parameters})

    def _whole(self, days: Iterable[DayFile]) -> tuple[DayFile, ...]:
        """Return the days, unless the file of one has another size than when it was written.

        A file that was cut off at the end of a line can be read, and would answer with less.
        """
        sizes = self._place.sizes()
        chosen = tuple(days)
        for day in chosen:
            # The file of a day that goes on may be newer than the manifest that was read. One that
            # is missing is reported by whoever opens it.
            size = sizes.get(day.file, day.bytes) if day.complete else day.bytes
            if size != day.bytes:
                raise ExportError(
                    f"{self._place.url(day.file)} is damaged: it has {size} bytes, its manifest "
                    f"says {day.bytes}; export its day again"
                )
        return chosen

    def _manifest(self, name: str) -> DayFile:
        try:
            return from_day_manifest(read(self._place, name))
        except ValueError as error:
            raise ExportError(
                f"{self._place.url(name)} is damaged: export its day again"
            ) from error

    def _intact(self, day: DayFile) -> bool:
        digest, size = hashlib.sha256(), 0
        try:
            with self._place.open(day.file) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
        except (StorageError, OSError):
            return False
        return size == day.bytes and digest.hexdigest() == day.sha256


def _address(account: str) -> str:
    """Return how the log names an account: always by an address, in lower case."""
    if not isinstance(account, str) or not account:
        raise InvalidInputError(f"actor must be an e-mail address or a name, not {account!r}")
    if "@" in account:
        return account.lower()
    name = account.lower().removeprefix("infra-provider:")
    provider = "infra-provider." if len(name) < len(account) else ""
    return f"{name}@{provider}{SERVICE_ACCOUNTS}"


def _moment(name: str, value: datetime | None) -> datetime | None:
    if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
        raise InvalidInputError(
            f"{name} must be a datetime with a time zone, such as "
            f"datetime(2026, 11, 24, 22, tzinfo=UTC), not {value!r}"
        )
    return value
