"""Rows out of JSON lines, CSV and Parquet files, gzip or not, one at a time; a bad row is told by its line."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, NoReturn, cast

from django.utils.translation import gettext, ngettext

from labeling.errors import Invalid
from labeling.imports.broken import broken_json

MAX_LINE_BYTES = 16 * 1024 * 1024
PARQUET_BATCH = 1000
PARQUET_BUFFER = 1024 * 1024
BOM = b"\xef\xbb\xbf"
BOMB_BYTES = 64 * 1024 * 1024
BOMB_RATIO = 250
"""Lines that repeat themselves are packed 20 to 100 times."""
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


class FileKind(StrEnum):
    """How a file is written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Row:
    """One row by its line (Parquet: by its number), from 1: its value, or why there is none."""

    line: int
    value: dict[str, Any] | None
    error: str = ""


def kind_of(name: str) -> FileKind:
    """The kind that a file's name tells; JSON lines when it tells none."""
    stem = name.lower().removesuffix(".gz")
    if stem.endswith(".csv"):
        return FileKind.CSV
    return FileKind.PARQUET if stem.endswith((".parquet", ".pq")) else FileKind.JSONL


def read_rows(file: BinaryIO, *, kind: FileKind) -> Iterator[Row]:
    """Every row of a file. The memory used is that of a row (Parquet: of 1,000).

    Raises:
        Invalid: the file as a whole can't be read: damaged gzip, UTF-16, not Parquet, a broken header.
    """
    start = file.read(4)
    file.seek(0)
    if start == b"PK\x03\x04":
        raise Invalid(gettext("this is a zip file or a spreadsheet: unpack it, or save it as CSV"))
    if start[:2] == b"\x1f\x8b":
        if kind is FileKind.PARQUET:
            raise Invalid(gettext("this Parquet file is packed with gzip: unpack it, Parquet is compressed inside"))
        file = cast(BinaryIO, _Unpacked(file))
    elif start[:4] == b"PAR1" and kind is not FileKind.PARQUET:
        raise Invalid(gettext("this is a Parquet file, not {kind}: name it .parquet, or say so").format(kind=kind))
    if kind is FileKind.PARQUET:
        return _parquet(file)
    return _jsonl(file) if kind is FileKind.JSONL else _csv(file)


class _Unpacked(gzip.GzipFile):
    """A gzip file that is given up when it unpacks to far more than text does: 1 MB of zeros fit into 1 kB."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(size)
        num_bytes = self.tell()
        if num_bytes > BOMB_BYTES and num_bytes > BOMB_RATIO * self._packed.tell():
            raise Invalid(
                gettext(
                    "the gzip file is {ratio} times as large unpacked: no text is packed so well, unpack it yourself"
                ).format(ratio=num_bytes // max(self._packed.tell(), 1))
            )
        return line


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines without their end; None for one that is too long."""
    number = 0
    try:
        while raw := file.readline(MAX_LINE_BYTES):
            number += 1
            if number == 1:
                if raw.startswith(WIDE_BOMS) or b"\x00" in raw[:4]:
                    raise Invalid(gettext("the file is UTF-16: save it as UTF-8"))
                raw = raw.removeprefix(BOM)
            if len(raw) < MAX_LINE_BYTES or raw.endswith(b"\n"):
                yield number, raw.rstrip(b"\r\n")
                continue
            while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Invalid(
            gettext("the gzip file is damaged or cut off after line {number}: {error}").format(
                number=number, error=error
            )
        ) from None


def _jsonl(file: BinaryIO) -> Iterator[Row]:
    for number, raw in _lines(file):
        if raw is None:
            yield Row(number, None, gettext("longer than {most} MB").format(most=MAX_LINE_BYTES // 1024 // 1024))
        elif raw.strip():
            yield _json_row(number, raw)


def _json_row(number: int, raw: bytes) -> Row:
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse_constant, object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        return Row(number, None, gettext("broken UTF-8 at byte {place}").format(place=error.start + 1))
    except json.JSONDecodeError as error:
        return Row(number, None, broken_json(error))
    except RecursionError:
        return Row(number, None, gettext("JSON nested too deep"))
    except Invalid as error:
        return Row(number, None, gettext("broken JSON: {error}").format(error=error.message))
    except ValueError:  # what json raises beside its own error: Python refuses to read so many digits
        return Row(number, None, gettext("broken JSON: a number has too many digits"))
    if not isinstance(value, dict):
        said = gettext("a JSON {type}: one object for each line is expected")
        return Row(number, None, said.format(type=type(value).__name__))
    return Row(number, value)


def _refuse_constant(name: str) -> NoReturn:
    raise Invalid(gettext("{name} is not a number").format(name=name))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(gettext("the key {name!r} is there twice").format(name=twice))
    return found


def _csv(file: BinaryIO) -> Iterator[Row]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))  # of the whole process: never less
    lines = _CSVLines(file)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header) or not header:
            twice = next((name for name in header if header.count(name) > 1), None)
            if twice is None:
                raise Invalid(gettext("the file is empty"))
            raise Invalid(gettext("line 1: the column {name!r} is there twice").format(name=twice))
        begins = reader.line_num + 1
        lines.num_bytes = 0
        for cells in reader:
            if cells:
                yield _csv_row(begins, header, cells)
            begins = reader.line_num + 1
            lines.num_bytes = 0
    except csv.Error as error:
        raise Invalid(
            gettext("line {line_num}: broken CSV: {error}").format(line_num=reader.line_num, error=error)
        ) from None


class _CSVLines(Iterator[str]):
    """Lines as the csv module takes them. A row may go over many: ``num_bytes`` counts those since it was set to 0."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = _lines(file)
        self.num_bytes = 0

    def __next__(self) -> str:
        number, raw = next(self._lines)
        self.num_bytes += 0 if raw is None else len(raw)
        if raw is None or self.num_bytes > MAX_LINE_BYTES:
            # What was left out may have closed or opened a quotation: nothing after it can be trusted.
            raise Invalid(
                gettext("line {number}: a row longer than {most} MB").format(
                    number=number, most=MAX_LINE_BYTES // 1024 // 1024
                )
            )
        # A broken byte becomes a lone surrogate, so that only its row is refused and not the rest of the file.
        return raw.decode(errors="surrogateescape") + "\n"


def _csv_row(number: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        said = ngettext(
            "{count} cell, but the header has {wanted}", "{count} cells, but the header has {wanted}", len(cells)
        )
        return Row(number, None, said.format(count=len(cells), wanted=len(header)))
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return Row(number, None, gettext("broken UTF-8"))
    return Row(number, dict(zip(header, cells, strict=True)))


def _parquet(file: BinaryIO) -> Iterator[Row]:
    import pyarrow as pa  # 0.2 s to import, for those who need it
    import pyarrow.parquet as pq

    number = 0
    try:
        # What it offers is to hold all columns of the file, or of a group of a million rows, before the first row.
        table = pq.ParquetFile(file, pre_buffer=False, buffer_size=PARQUET_BUFFER)
        names = table.schema_arrow.names
        if twice := [name for name in names if names.count(name) > 1]:
            raise Invalid(gettext("the column {name!r} is there twice").format(name=twice[0]))
        for group in range(table.num_row_groups):
            for batch in table.iter_batches(PARQUET_BATCH, row_groups=[group], use_threads=False):
                for value in batch.to_pylist():
                    number += 1
                    yield Row(number, value)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Invalid(
            gettext("this Parquet file can't be read after row {number}: {error}").format(number=number, error=error)
        ) from None
