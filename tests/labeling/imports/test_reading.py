"""Rows out of files."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils.translation import override

from labeling.errors import Invalid
from labeling.imports.reading import FileKind, Row, kind_of, read_rows


def read(content: bytes, kind: FileKind = FileKind.JSONL) -> list[Row]:
    return list(read_rows(io.BytesIO(content), kind=kind))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", "jsonl"),
        ("a.jsonl.gz", "jsonl"),
        ("A.CSV", "csv"),
        ("a.csv.gz", "csv"),
        ("a.parquet", "parquet"),
        ("a", "jsonl"),
    ],
)
def test_kind_follows_from_the_name(name, kind):
    assert kind_of(name) == kind


def test_json_lines_are_numbered_by_the_line_they_stand_in():
    rows = read(b'{"a": 1}\r\n\n  \n{"a": "\xc3\xa9\\u0041"}')

    assert rows == [Row(1, {"a": 1}), Row(4, {"a": "éA"})]


def test_gzip_and_byte_order_mark_are_taken_off():
    assert read(gzip.compress(b'\xef\xbb\xbf{"a": 1}\n')) == [Row(1, {"a": 1})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": ', "broken JSON at character 7: a value is missing here"),
        (b"\xff\xfe"[::-1] + b"{}", "broken UTF-8 at byte 1"),
        (b'{"a": "\xe9"}', "broken UTF-8 at byte 8"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b"[" * 100_000, "nested too deep"),
        (b"[1, 2]", "a JSON list: one object for each line"),
        (b'"text"', "a JSON str"),
        (b"1" * 5000, "broken JSON"),
        (b'{"a": 1, "b": {"c": 2, "c": 3}}', "broken JSON: the key 'c' is there twice"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
    ],
)
def test_broken_line_is_told_by_its_number_and_the_next_one_is_read(line, reason):
    first, broken, last = read(b'{"a": 1}\n' + line + b'\n{"a": 3}\n')

    assert (first, last) == (Row(1, {"a": 1}), Row(3, {"a": 3}))
    assert (broken.line, broken.value) == (2, None)
    assert reason in broken.error


def test_line_of_20_mb_is_refused_and_the_next_one_is_read():
    too_long, last = read(b'{"a": "' + b"x" * 20_000_000 + b'"}\n{"a": 2}\n')

    assert too_long == Row(1, None, "longer than 16 MB")
    assert last == Row(2, {"a": 2})


def test_gzip_that_expands_into_one_endless_line_is_refused():
    bomb = gzip.compress(b"0" * 40_000_000)

    assert read(bomb) == [Row(1, None, "longer than 16 MB")]


@pytest.mark.parametrize("cut", [slice(0, -9), slice(0, 40)])
def test_cut_off_gzip_is_refused(cut):
    packed = gzip.compress(b"".join(b'{"a": %d}\n' % (number * 7919) for number in range(500)))

    with pytest.raises(Invalid, match="damaged or cut off after line"):
        read(packed[cut])


def test_utf_16_is_refused_by_name():
    with pytest.raises(Invalid, match="UTF-16"):
        read('{"a": 1}'.encode("utf-16"))


def test_csv_cells_may_hold_line_ends_and_rows_are_told_by_their_first_line():
    rows = read(b'prompt,source\n"Name\na colour",x\nAnother,y\n', FileKind.CSV)

    assert rows == [Row(2, {"prompt": "Name\na colour", "source": "x"}), Row(4, {"prompt": "Another", "source": "y"})]


@pytest.mark.parametrize(
    ("line", "german"),
    [
        (b'{"a": ', "fehlerhaftes JSON bei Zeichen 7: hier fehlt ein Wert"),
        (b'{"a": 1 "b": 2}', "fehlerhaftes JSON bei Zeichen 9: hier fehlt ein Komma oder die schließende Klammer"),
        (b'{"a" 1}', "fehlerhaftes JSON bei Zeichen 6: hier fehlt ein Doppelpunkt"),
        (b"{a: 1}", "fehlerhaftes JSON bei Zeichen 2: hier fehlt ein Name in doppelten Anführungszeichen"),
        (b"{} {}", "fehlerhaftes JSON bei Zeichen 4: nach dem Ende der Zeile folgt noch etwas"),
        (b'{"a": "b\tc"}', "fehlerhaftes JSON bei Zeichen 9: in einem Text steht ein Steuerzeichen"),
        (b'{"a": "\\x"}', "fehlerhaftes JSON bei Zeichen 8: nach einem Backslash steht"),
        (b'{"a": "\\u12"}', "hexadezimale Ziffern"),
        (b'{"a": "b', "fehlerhaftes JSON bei Zeichen 7: hier beginnt ein Text, der nie endet"),
        (b'{"a": NaN}', "fehlerhaftes JSON: NaN ist keine Zahl"),
        (b'{"a": 1, "a": 2}', "fehlerhaftes JSON: der Schlüssel 'a' kommt zweimal vor"),
        (b"1" * 5000, "fehlerhaftes JSON: eine Zahl hat zu viele Ziffern"),
        (b"\xe9", "fehlerhaftes UTF-8 bei Byte 1"),
        (b"[]", "JSON vom Typ list: erwartet wird ein Objekt je Zeile"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_in_the_language_of_the_reader(line, german):
    with override("de"):
        [row] = read(line + b"\n")

    assert german in row.error


def test_csv_row_with_a_missing_cell_or_broken_utf_8_is_refused_and_the_next_one_is_read():
    rows = read(b"prompt,source\none\n\xff,x\nthree,z\n", FileKind.CSV)

    assert rows == [
        Row(2, None, "1 cell, but the header has 2"),
        Row(3, None, "broken UTF-8"),
        Row(4, {"prompt": "three", "source": "z"}),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"prompt,prompt\na,b\n", "line 1: the column 'prompt' is there twice"),
        (b'prompt\n"a" b\n', "line 2: broken CSV"),
        (b'prompt\n"never closed\n', "line 2: broken CSV"),
    ],
)
def test_csv_that_cannot_be_read_is_refused(content, reason):
    with pytest.raises(Invalid, match=reason):
        read(content, FileKind.CSV)


def test_csv_with_10_000_columns_is_read():
    header = ",".join(f"c{number}" for number in range(10_000))

    [row] = read(f"{header}\n{header}\n".encode(), FileKind.CSV)

    assert row.value is not None
    assert row.value["c9999"] == "c9999"


def test_parquet_rows_are_read_in_batches():
    file = io.BytesIO()
    pq.write_table(pa.table({"prompt": [f"prompt {number}" for number in range(2500)]}), file)

    rows = read(file.getvalue(), FileKind.PARQUET)

    assert [row.line for row in rows] == list(range(1, 2501))
    assert rows[-1].value == {"prompt": "prompt 2499"}


@pytest.mark.parametrize("group", [1_000, 20_000])
def test_memory_does_not_grow_with_a_parquet_file_nor_with_its_groups(group, tmp_path):
    path, held = tmp_path / "prompts.parquet", []
    table = pa.table({"prompt": [f"{number} {'x' * 1000}" for number in range(20_000)]})
    pq.write_table(table, path, row_group_size=group, compression="none", use_dictionary=False)
    del table
    before = pa.total_allocated_bytes()

    tracemalloc.start()
    with path.open("rb") as file:
        for number, _ in enumerate(read_rows(file, kind=FileKind.PARQUET)):
            if number % 1000 == 500:
                held.append(pa.total_allocated_bytes() - before)
    peak = tracemalloc.get_traced_memory()[1]  # what is read from a file is Python's
    tracemalloc.stop()

    assert len(held) == 20
    assert max(held) + peak < 12_000_000  # of 20 MB


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b'{"a": 1}'])
def test_what_is_no_parquet_is_refused(content):
    with pytest.raises(Invalid, match="Parquet"):
        read(content, FileKind.PARQUET)


def test_parquet_named_otherwise_or_packed_is_refused_by_name():
    file = io.BytesIO()
    pq.write_table(pa.table({"prompt": ["a"]}), file)

    with pytest.raises(Invalid, match="this is a Parquet file, not jsonl"):
        read(file.getvalue())
    with pytest.raises(Invalid, match="unpack it"):
        read(gzip.compress(file.getvalue()), FileKind.PARQUET)


class Endless(io.RawIOBase):
    """A file of a line of 200 MB between two short ones, of which nothing is kept."""

    PIECE = b"x" * 1_000_000
    parts = (b'{"a": 1}\n', *[PIECE] * 200, b"\n", b'{"a": 2}\n')

    def __init__(self) -> None:
        self.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.coming = iter(self.parts)
        self.rest = b""
        return 0

    def readinto(self, buffer) -> int:
        self.rest = self.rest or next(self.coming, b"")
        count = min(len(buffer), len(self.rest))
        buffer[:count], self.rest = self.rest[:count], self.rest[count:]
        return count


def test_line_of_200_mb_costs_no_more_memory_than_a_line_may_have():
    tracemalloc.start()

    rows = list(read_rows(io.BufferedReader(Endless()), kind=FileKind.JSONL))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == [Row(1, {"a": 1}), Row(2, None, "longer than 16 MB"), Row(3, {"a": 2})]
    assert peak < 80_000_000


def test_gzip_bomb_of_many_short_lines_is_given_up(monkeypatch):
    monkeypatch.setattr("labeling.imports.reading.BOMB_BYTES", 1_000_000)
    bomb = gzip.compress(b'{"a": 1}\n' * 500_000)

    rows = read_rows(io.BytesIO(bomb), kind=FileKind.JSONL)

    with pytest.raises(Invalid, match="times as large unpacked"):
        for _ in rows:
            pass


def test_gzip_of_lines_that_repeat_themselves_is_no_bomb(monkeypatch):
    monkeypatch.setattr("labeling.imports.reading.BOMB_BYTES", 1_000_000)
    text = "".join(random.Random(1).choices("abcdefghij ", k=200))
    packed = gzip.compress(b"".join(b'{"prompt": "%s", "n": %d}\n' % (text.encode(), n * 7919) for n in range(20_000)))

    assert sum(row.value is not None for row in read_rows(io.BytesIO(packed), kind=FileKind.JSONL)) == 20_000


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("kind", [FileKind.JSONL, FileKind.CSV])
def test_utf_16_is_refused_with_and_without_a_mark(encoding, kind):
    with pytest.raises(Invalid, match="the file is UTF-16: save it as UTF-8"):
        read('{"a": "bcdefgh"}'.encode(encoding), kind)


def test_spreadsheet_is_refused_by_name():
    with pytest.raises(Invalid, match="a zip file or a spreadsheet"):
        read(b"PK\x03\x04and more")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'prompt,b\none,two\n"' + b"xxxxxxxxx\n" * 9 + b'","' + b"yyyyyyyyy\n" * 9 + b'"\n', 13),
        (b"prompt\n" + b"x" * 2000 + b"\nlast\n", 2),
    ],
)
def test_csv_row_that_is_too_long_is_refused_by_its_line_whether_quoted_or_not(monkeypatch, content, line):
    monkeypatch.setattr("labeling.imports.reading.MAX_LINE_BYTES", 101)

    with pytest.raises(Invalid, match=f"line {line}: a row longer than"):
        read(content, FileKind.CSV)


def test_parquet_with_a_column_twice_is_refused():
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["prompt", "prompt"]), file)

    with pytest.raises(Invalid, match="the column 'prompt' is there twice"):
        read(file.getvalue(), FileKind.PARQUET)
