"""What a run reports, as TensorBoard reads it: an event file beside the run's other files.

Records are appended one by one, so that a run that was killed goes on in the same file, and a file that can't be
written stops no run: pages and the database have the same numbers.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c

logger = logging.getLogger(__name__)

NAME = "events.out.tfevents.0000000000.prefloop"
"""Of the file in a run's folder ``tensorboard``; TensorBoard looks for names that begin like this."""


@dataclass
class EventLog:
    """The event file of one run.

    Args:
        folder: the run's own.
    """

    folder: Path
    _last: dict[str, int] = field(default_factory=dict, init=False)

    def write(self, stage: str, steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Append what some steps of a stage reported; a step that was written by this process is left out."""
        new = [(step, values) for step, values in steps if step > self._last.get(stage, 0)]
        if not new:
            return
        path = self.folder / "tensorboard" / NAME
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            records = [] if path.exists() else [Event(wall_time=time.time(), file_version="brain.Event:2")]
            records += [_event(stage, step, values) for step, values in new]
            with path.open("ab") as log:
                log.write(b"".join(_framed(record.SerializeToString()) for record in records))
        except OSError as error:
            logger.warning("no TensorBoard log at %s: %s", path, error)
        self._last[stage] = new[-1][0]


def _event(stage: str, step: int, values: Mapping[str, float]) -> Event:
    found = [Summary.Value(tag=f"{stage}/{name}", simple_value=value) for name, value in sorted(values.items())]
    return Event(wall_time=time.time(), step=step, summary=Summary(value=found))


def _framed(data: bytes) -> bytes:
    """A record of a TFRecord file: length, its checksum, the data, its checksum."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))
