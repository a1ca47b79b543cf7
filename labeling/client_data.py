"""The Python client for researchers: rows, data frames, files, snapshots. client.py needs it beside it, and no more.

frame = Client("http://localhost:8000", token).comparisons("demo").to_pandas()
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    import pandas as pd

FIRST_WAIT_SECONDS = 0.25
RESUME_SECONDS = 3600.0
"""So long is waited where a file goes on: the server may have to make the rest once to know how long it is."""


class Rows:
    """The rows of an export, read from the server each time they are gone through."""

    def __init__(self, read: Callable[[], Iterator[dict[str, Any]]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._read()

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a data frame, times as times; pandas has to be installed."""
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise ModuleNotFoundError("a data frame needs pandas: pip install pandas", name="pandas") from None

        frame = pd.DataFrame(list(self))
        if "created" in frame:
            frame["created"] = pd.to_datetime(frame["created"], utc=True, format="ISO8601")
        return frame


class Data:
    """What a researcher takes away. Filters: kinds, since, until, annotators, groups, agreement, tags, policies,
    held_out, superseded, sources, extra, up_to; or snapshot, and nothing beside it. Lists may be lists."""

    retries: int

    if TYPE_CHECKING:  # client.Client has them

        def _address(self, path: str, query: Mapping[str, Any]) -> str: ...
        def _open(
            self, method: str, address: str, *, headers: Mapping[str, str] | None = None, patience: float = 0.0
        ) -> HTTPResponse: ...
        def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[dict[str, Any]]: ...
        def _send(
            self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool = True
        ) -> dict[str, Any]: ...

    def rows(self, slug: str, *, view: str = "comparisons", **filters: Any) -> Rows:
        """The rows of a view, as in the JSON lines of an export; what they mean is in a snapshot's dataset card."""
        return Rows(lambda: self._lines(self._export(slug, "jsonl", view, filters)))

    def comparisons(self, slug: str, *, outcome: str | None = None, **filters: Any) -> Rows:
        """Two completions each, and which is better; only the wins or the ties on demand."""
        every = self.rows(slug, **filters)
        return Rows(lambda: (row for row in every if outcome is None or row["outcome"] == outcome))

    def snapshots(self, slug: str) -> Iterator[dict[str, Any]]:
        """The project's snapshots, the newest first."""
        return self._pages(f"projects/{quote(slug)}/snapshots/", {})

    def snapshot(self, slug: str, name: str) -> dict[str, Any]:
        """One snapshot with its manifest and its dataset card."""
        return self._send("GET", f"projects/{quote(slug)}/snapshots/{quote(name)}/")

    def take_snapshot(self, slug: str, name: str, **filters: Any) -> dict[str, Any]:
        """Keep the labels that the filters mean now, under a name, for ever; waits while the importer takes many.

        Raises:
            ValueError: that one was refused, failed, or somebody cancelled it.
        """
        body = {"name": name, "filters": filters}
        taken = self._send("POST", f"projects/{quote(slug)}/snapshots/", body, repeatable=False)
        if "state" not in taken:
            return taken
        while taken["state"] in ("waiting", "running"):
            time.sleep(FIRST_WAIT_SECONDS)
            taken = self._send("GET", f"projects/{quote(slug)}/snapshot_jobs/{taken['id']}/")
        if taken["state"] != "finished":
            raise ValueError(f"the snapshot {name!r} is {taken['state']}: {taken['error']}")
        return self.snapshot(slug, name)

    def guidelines(self, slug: str, version: int | None = None) -> dict[str, Any]:
        """One version of the guidelines, the newest when none is named."""
        address = f"projects/{quote(slug)}/guidelines/"
        if version is None:
            with self._open("GET", self._address(address, {})) as answer:
                version = json.load(answer)["results"][0]["version"]
        return self._send("GET", f"{address}{version}/")

    def set_topics(self, slug: str, prompt: int, topics: list[str]) -> dict[str, Any]:
        """Say which sensitive topics a prompt has."""
        return self._send("PUT", f"projects/{quote(slug)}/prompts/{prompt}/topics/", {"topics": topics})

    def manifest(
        self, slug: str, *, file_format: str = "jsonl", view: str = "comparisons", **filters: Any
    ) -> dict[str, Any]:
        """What an export with the same options and ``up_to=manifest["filters"]["up_to"]`` holds, with its digest."""
        return self._send("GET", self._export(slug, file_format, view, {"manifest": True, **filters}))

    def export(
        self, slug: str, path: Path | str, *, file_format: str = "jsonl", view: str = "comparisons", **filters: Any
    ) -> Path:
        """Write an export into a file, which is there whole or not at all.

        That of a snapshot goes on where it broke off, also in a later call with the same path.
        """
        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        tag = path.with_name(f".{path.name}.etag")
        address = self._export(slug, file_format, view, filters)
        for attempt in range(self.retries + 1):
            try:
                self._download(address, part, tag)
            except (HTTPException, ConnectionError, TimeoutError):
                if attempt < self.retries:
                    time.sleep(FIRST_WAIT_SECONDS * 2**attempt)
                    continue
                if not tag.exists():  # of live labels: nothing goes on there
                    part.unlink(missing_ok=True)
                raise
            except BaseException:
                if not tag.exists():
                    part.unlink(missing_ok=True)
                raise
            break
        part.replace(path)
        tag.unlink(missing_ok=True)
        return path

    def _download(self, address: str, part: Path, tag: Path) -> None:
        begin = part.stat().st_size if part.exists() and tag.exists() else 0
        headers = {"Range": f"bytes={begin}-", "If-Range": tag.read_text()} if begin else {}
        patience = RESUME_SECONDS if begin else 0.0
        with self._open("GET", address, headers=headers, patience=patience) as answer:
            if answer.headers.get("Accept-Ranges") == "bytes" and answer.headers.get("ETag"):
                tag.write_text(str(answer.headers["ETag"]))
            else:
                tag.unlink(missing_ok=True)
            with part.open("ab" if answer.status == 206 else "wb") as file:
                started = file.tell()
                shutil.copyfileobj(answer, file)
                written = file.tell() - started
        promised = answer.headers.get("Content-Length")
        if promised is not None and written < int(promised):
            raise IncompleteRead(b"", int(promised) - written)

    def _lines(self, address: str) -> Iterator[dict[str, Any]]:
        with self._open("GET", address) as answer:
            for line in answer:
                yield json.loads(line)

    def _export(self, slug: str, file_format: str, view: str, filters: Mapping[str, Any]) -> str:
        given = {
            name: ",".join(map(str, each)) if isinstance(each, list | tuple) else each for name, each in filters.items()
        }
        return self._address(f"projects/{quote(slug)}/export/", {"format": file_format, "view": view, **given})
