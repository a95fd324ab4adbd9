"""What a question to the audit log is answered with: rows, as whichever library you use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, overload

import attrs

from omni_api._core.extras import extra
from omni_api._frames import unknown

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["EventTable"]

_RESOURCE = ("resource_type", "resource_id")


@attrs.frozen(repr=False, eq=False)
class EventTable:
    """Rows of the audit log, or what a query made of them. Iterate it for one mapping a row.

    Its repr shows size and columns only: events can hold join tokens. A notebook shows the rows,
    without the column `raw` and with join tokens hidden. A data frame has everything.

    Attributes:
        arrow: The rows as a `pyarrow.Table`.

    Example:
        >>> table = omni.audit_log.table(resource_type="Users.omni.sidero.dev")
        >>> table.columns[:3]
        ('time', 'event_type', 'resource_type')
        >>> {row["resource_type"] for row in table}
        {'Users.omni.sidero.dev'}
    """

    arrow: pa.Table

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.arrow.column_names)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.arrow.num_rows)

    def __iter__(self) -> Iterator[dict[str, object]]:
        for batch in self.arrow.to_batches(max_chunksize=1000):
            yield from batch.to_pylist()

    def __repr__(self) -> str:
        return f"EventTable({len(self)} rows: {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        from omni_api import _html

        shown = self.arrow.slice(0, _html.ROWS).drop_columns(
            [name for name in self.columns if name == "raw"]
        )
        cells = [column.to_pylist() for column in shown.columns]
        if set(_RESOURCE) <= set(self.columns):
            kinds, ids = (cells[shown.column_names.index(name)] for name in _RESOURCE)
            ids[:] = map(_without_token, kinds, ids)
        rows = zip(*cells, strict=True)
        return _html.grid(shown.column_names, rows, more=len(self) - shown.num_rows)

    @overload
    def to_dataframe(self, library: Literal["pandas"] = ...) -> pd.DataFrame: ...
    @overload
    def to_dataframe(self, library: Literal["polars"]) -> pl.DataFrame: ...

    def to_dataframe(
        self, library: Literal["pandas", "polars"] = "pandas"
    ) -> pd.DataFrame | pl.DataFrame:
        """Return the rows as a data frame.

        Args:
            library: "pandas" or "polars". A frame of pandas has Arrow's types, so no text is
                copied into Python objects.

        Raises:
            InvalidInputError: Another library is named.
            MissingLibraryError: The library is not installed.

        Example:
            >>> frame = omni.audit_log.table().to_dataframe()
            >>> frame["event_type"].value_counts()["audit_log_access"] > 0
            True
        """
        if library == "pandas":
            with extra():
                import pandas as pd
            return self.arrow.to_pandas(types_mapper=pd.ArrowDtype)
        if library == "polars":
            with extra():
                import polars as pl
            frame = pl.from_arrow(self.arrow)
            assert isinstance(frame, pl.DataFrame)  # noqa: S101 - for mypy: of a table, always
            return frame
        raise unknown(library)


def _without_token(kind: object, resource_id: object) -> object:
    """Hide an id that is a join token, whatever it looks like."""
    return "<hidden>" if str(kind).startswith("JoinToken") else resource_id
