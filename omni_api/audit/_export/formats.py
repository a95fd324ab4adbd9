"""How lines become the bytes of a data file, and how they are read back.

The same lines give the same bytes, however they arrive: the compressors are fed blocks of a fixed
size, row groups have a fixed number of rows, and no file holds a name or a time of its making.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from omni_api._core.extras import extra
from omni_api.audit._export.manifest import Compression, Format

if TYPE_CHECKING:
    from omni_api.audit._export.part import Part

_BLOCK = 1 << 20
_GZIP_LEVEL = 6
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
"""What zlib calls a gzip header, without name and time."""
_ZSTD_LEVEL = 3
_ROW_GROUP = 10_000
_TABLE = 2_000
"""Lines that are parsed at once: what Arrow takes for it grows with them."""
_BATCH = 2_000


class LineWriter(Protocol):
    """Writes lines into a file of some format."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Append lines, each with its line break."""

    def finish(self) -> None:
        """Write what is left, and what the format has at its end; the file stays open."""


def require(kind: Format, compression: Compression) -> None:
    """Import what a format needs.

    Raises:
        MissingLibraryError: It is not installed; the message names the extra.
    """
    if kind == "parquet":
        with extra("parquet"):
            import pyarrow.parquet  # noqa: F401
    elif compression == "zstd":
        with extra("zstd"):
            import zstandard  # noqa: F401


def line_writer(kind: Format, compression: Compression, file: Part) -> LineWriter:
    """Return a writer of a format."""
    if kind == "parquet":
        return _ParquetWriter(compression, file)
    return _JsonLinesWriter(compression, file)


def read_lines(kind: Format, compression: Compression, file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a data file, each with its line break.

    Raises:
        Exception: Whatever the library of the format raises when the file is damaged.
    """
    if kind == "parquet":
        import pyarrow.parquet

        for batch in pyarrow.parquet.ParquetFile(file).iter_batches(_BATCH, columns=["raw"]):
            for text in batch.column(0).to_pylist():
                yield text.encode() + b"\n"
    elif compression == "gzip":
        with gzip.open(file, "rb") as lines:
            yield from lines
    elif compression == "zstd":
        import zstandard

        with zstandard.ZstdDecompressor().stream_reader(file) as raw:
            yield from io.BufferedReader(raw)
    else:
        yield from file


class _JsonLinesWriter:
    def __init__(self, compression: Compression, file: Part) -> None:
        self._sink, self._end = _compressor(compression, file)
        self._waiting = bytearray()

    def write(self, lines: Sequence[bytes]) -> None:
        waiting = self._waiting
        waiting += b"".join(lines)
        whole = len(waiting) - len(waiting) % _BLOCK
        for at in range(0, whole, _BLOCK):
            self._sink(bytes(waiting[at : at + _BLOCK]))
        del waiting[:whole]

    def finish(self) -> None:
        self._sink(bytes(self._waiting))
        self._end()


def _compressor(
    compression: Compression, file: Part
) -> tuple[Callable[[bytes], object], Callable[[], object]]:
    """Return how to write a block, and how to end."""
    if compression == "gzip":
        # No GzipFile: an export that is given up would leave it unclosed, which Python 3.14 tells.
        packed = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT)
        return lambda data: file.write(packed.compress(data)), lambda: file.write(packed.flush())
    if compression == "zstd":
        import zstandard

        pressed = zstandard.ZstdCompressor(_ZSTD_LEVEL, threads=0).stream_writer(
            cast("BinaryIO", file), closefd=False
        )
        return pressed.write, pressed.close
    return file.write, lambda: None


class _ParquetWriter:
    def __init__(self, compression: Compression, file: Part) -> None:
        import pyarrow.parquet

        from omni_api.audit._tables import arrow

        self._arrow, self._to_table = pyarrow, arrow.to_table
        self._schema = arrow.schema()
        self._writer: Any = pyarrow.parquet.ParquetWriter(
            file,
            self._schema,
            compression=compression or "none",
            # No two lines are equal, and a dictionary of them would only take memory.
            use_dictionary=[name for name in self._schema.names if name != "raw"],
        )
        self._lines: list[bytes] = []
        self._tables: list[Any] = []

    def write(self, lines: Sequence[bytes]) -> None:
        self._lines += lines
        while len(self._lines) >= _TABLE:
            self._tables.append(self._to_table(self._lines[:_TABLE]))
            del self._lines[:_TABLE]
            if len(self._tables) * _TABLE == _ROW_GROUP:
                self._group()

    def finish(self) -> None:
        if self._lines:
            self._tables.append(self._to_table(self._lines))
        if self._tables:
            self._group()
        self._writer.close()

    def _group(self) -> None:
        self._writer.write_table(self._arrow.concat_tables(self._tables), _ROW_GROUP)
        self._tables.clear()
        # Arrow's allocator would rather keep what it had than use it again.
        self._arrow.default_memory_pool().release_unused()
