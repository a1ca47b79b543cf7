"""Parquet, a row group of 1,000 rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from labeling.exports.views import Row, View

CONTENT_TYPE = "application/vnd.apache.parquet"
GROUP_ROWS = 1000


class _Pipe:
    """A file to write into, whose bytes are taken out as they come."""

    closed = False

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.position = 0

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        self.position += len(data)
        return len(data)

    def tell(self) -> int:
        return self.position

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        data = b"".join(self.parts)
        self.parts.clear()
        return data


def write(rows: Iterator[Row], *, view: View, is_start: bool = True) -> Iterator[bytes]:
    """The file, a row group at a time."""
    import pyarrow as pa  # 0.2 s to import, for those who need it
    import pyarrow.parquet as pq

    schema = pa.schema([pa.field(name, _types()[kind]) for name, kind in view.columns.items()])
    pipe = _Pipe()
    with pq.ParquetWriter(pipe, schema, compression="zstd") as writer:
        while group := list(islice(rows, GROUP_ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            group.clear()  # else two groups are held while the next one is read
            yield pipe.take()
    yield pipe.take()


def _types() -> dict[str, Any]:
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    completion = pa.struct([("id", whole), ("text", text), ("policy_version", whole)])
    return {
        "int": whole,
        "float": pa.float64(),
        "text": text,
        "bool": pa.bool_(),
        "messages": pa.list_(pa.struct([("role", text), ("content", text)])),
        "completions": pa.list_(completion),
        "ints": pa.list_(whole),
        "texts": pa.list_(text),
        "flags": pa.list_(pa.list_(text)),
    }
