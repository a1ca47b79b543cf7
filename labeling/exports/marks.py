"""Where a snapshot's file can be taken up again, and how long it is: kept while it is written for the first time."""

from __future__ import annotations

from labeling.models import ExportMark, Snapshot

MARK_BYTES = 16 * 1024 * 1024


class Marks:
    """The marks of one file, along one pass over it; of live labels none are kept.

    ``position`` counts the bytes written, those left out at the beginning as well. A Parquet file can't be begun in the
    middle, because its end tells of all before: only its length is kept.
    """

    def __init__(self, snapshot: Snapshot | None, key: str, *, is_resumable: bool) -> None:
        self.snapshot, self.key, self.is_resumable = snapshot, key, is_resumable
        self.position = 0
        self._next = MARK_BYTES

    def begin(self, byte: int) -> int:
        """Go to the last mark before a byte: what comes after this id is written then."""
        found = None
        if byte and self.snapshot is not None and self.is_resumable:
            kept = ExportMark.objects.filter(snapshot=self.snapshot, key=self.key, is_end=False, position__lte=byte)
            found = kept.order_by("-position").first()
        self.position = 0 if found is None else found.position
        self._next = self.position + MARK_BYTES
        return 0 if found is None else found.after

    def passed(self, pk: int) -> None:
        """All of this id is written."""
        if self.position >= self._next and self.snapshot is not None and self.is_resumable:
            mark = ExportMark(snapshot=self.snapshot, key=self.key, position=self.position, after=pk)
            ExportMark.objects.bulk_create([mark], ignore_conflicts=True)  # another download may have come by
            self._next = self.position + MARK_BYTES

    def end(self, *, sha256: str) -> None:
        """The file is whole. The digest is that of all of it, or "" where only a part was made."""
        if self.snapshot is not None:
            known = {"sha256": sha256} if sha256 else {}
            ExportMark.objects.update_or_create(
                snapshot=self.snapshot,
                key=self.key,
                position=self.position,
                defaults={"is_end": True, **known},
                create_defaults={"after": 0, "is_end": True, **known},
            )
