"""The TensorBoard log of a run, read back record by record."""

from __future__ import annotations

import struct

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from alignment.seeing.event_log import NAME, EventLog


def read(folder):
    """(step, {tag: value}) of all records; their checksums are looked at."""
    data, found = (folder / "tensorboard" / NAME).read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        assert struct.unpack("<I", data[8:12]) == (masked_crc32c(data[:8]),)
        assert struct.unpack("<I", data[12 + length : 16 + length]) == (masked_crc32c(body),)
        event = Event.FromString(body)
        values = {each.tag: round(each.simple_value, 5) for each in event.summary.value}
        found.append((event.step, values or event.file_version))
        data = data[16 + length :]
    return found


def test_steps_are_written_once_with_their_stage(tmp_path):
    log = EventLog(tmp_path)

    log.write("policy", [(1, {"loss": 0.5, "kl": 0.0})])
    log.write("policy", [(1, {"loss": 0.5, "kl": 0.0}), (2, {"loss": 0.25})])
    log.write("reward_model", [(1, {"loss": 0.75})])

    assert read(tmp_path) == [
        (0, "brain.Event:2"),
        (1, {"policy/kl": 0.0, "policy/loss": 0.5}),
        (2, {"policy/loss": 0.25}),
        (1, {"reward_model/loss": 0.75}),
    ]


def test_a_run_that_goes_on_in_another_process_goes_on_in_the_same_file(tmp_path):
    EventLog(tmp_path).write("policy", [(1, {"loss": 0.5})])
    EventLog(tmp_path).write("policy", [(2, {"loss": 0.25})])

    assert [step for step, _ in read(tmp_path)] == [0, 1, 2]


def test_a_file_that_can_not_be_written_stops_nothing(tmp_path):
    (tmp_path / "tensorboard").write_text("in the way")

    EventLog(tmp_path).write("policy", [(1, {"loss": 0.5})])

    assert (tmp_path / "tensorboard").read_text() == "in the way"


def test_the_checksum_is_that_of_the_format():
    # CRC-32C of "123456789" is E3069283; masked as TensorFlow does: turned by 15 bits, a constant added.
    turned = ((0xE3069283 >> 15) | (0xE3069283 << 17)) & 0xFFFFFFFF

    assert masked_crc32c(b"123456789") == (turned + 0xA282EAD8) & 0xFFFFFFFF
