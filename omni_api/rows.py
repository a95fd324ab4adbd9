"""Lists of values that a notebook shows as tables, and that become data frames.

Which columns a value has, and what stays hidden, is decided in `_columns.py`; how a table looks in
`_html.py`, and which types a frame has in `_frames.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Self, SupportsIndex, TypeVar, overload

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Rows"]

T_co = TypeVar("T_co", covariant=True)


class Value:
    """Base of the public values, for what all of them do in a notebook.

    A class may name in `_columns` what a table shows, where that is not what its repr shows:
    fields, properties, or their own (`actor=actor.email`, where `actor` is the column).
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        from omni_api import _html

        return _html.value(self)


class Rows(tuple[T_co, ...]):
    """Values of one kind: a tuple that a notebook shows as a table, a row each.

    Lists in answers are of this type already. To keep what a stream brings, make one of it:
    `Rows(stream)`, or with asyncio `Rows([value async for value in stream])`.

    A table has a column for each field that the repr shows. What the repr hides (keys, tokens,
    contents of files) is left out, and what looks like a join token within a text is masked. So
    it gets into no frame and no notebook by mistake; the values themselves still have it. A value
    in a value gives columns such as `metadata.hostname`, a mapping one column for each key. If
    the values have a list of values, as service accounts have keys, each of those gets a row.

    Args:
        values: The values, for example a stream that ends.
        of: Their class. It gives a table without rows its columns. Default: that of the first one.

    Example:
        >>> from omni_api import Rows
        >>> with omni.machines.logs(machine_id, tail=20) as log:
        ...     records = Rows(log)
        >>> list(records.to_dataframe().columns)
        ['time', 'level', 'service', 'message', 'machine_id', 'after_gap']
    """

    _of: type | None

    def __new__(cls, values: Iterable[T_co] = (), *, of: type[T_co] | None = None) -> Self:
        """Collect the values, and remember their class."""
        self = super().__new__(cls, values)
        self._of = of if of is not None else type(self[0]) if self else None
        return self

    @overload
    def __getitem__(self, key: SupportsIndex, /) -> T_co: ...
    @overload
    def __getitem__(self, key: slice, /) -> Rows[T_co]: ...

    def __getitem__(self, key: SupportsIndex | slice, /) -> T_co | Rows[T_co]:
        if isinstance(key, slice):
            return Rows(super().__getitem__(key), of=self._of)
        return super().__getitem__(key)

    @overload
    def to_dataframe(self, library: Literal["pandas"] = ...) -> pd.DataFrame: ...
    @overload
    def to_dataframe(self, library: Literal["polars"]) -> pl.DataFrame: ...

    def to_dataframe(
        self, library: Literal["pandas", "polars"] = "pandas"
    ) -> pd.DataFrame | pl.DataFrame:
        """Return the values as a data frame, without what their repr hides.

        Times are aware, in UTC. Members of enums are their names, and bytes are text.

        Args:
            library: "pandas" or "polars".

        Raises:
            InvalidInputError: Another library is named.
            MissingLibraryError: The library is not installed.

        Example:
            >>> accounts = omni.management.list_service_accounts().service_accounts
            >>> frame = accounts.to_dataframe("polars")
            >>> frame.columns[:3]
            ['name', 'pgp_public_keys.id', 'pgp_public_keys.armored']
        """
        from omni_api import _frames

        return _frames.frame(self, self._of, library)

    def _repr_html_(self) -> str:
        from omni_api import _html

        return _html.rows(self, self._of)
