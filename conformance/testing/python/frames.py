"""Frames (docs/format.md, section 2) as a client of one server writes them, and the file that keeps them. Rules stand behind the lines.

    file    frames one after another, each behind four bytes of its length
"""
from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from blocks import Block, Dot, WriterTable, decode_block
from wire import SEQ_MAX, Cursor, Reader, TooNew, check, encode, encode_array, encode_part, encode_uint

FRAME_BYTES_MAX = 4_000_000
RESTART, CAUGHT_UP = 1, 2
LOCAL = 1

Refusal = tuple[bytes, int, str, str]
"""Writer and seq of an operation that a remote does not take, with code and message."""


@dataclass(frozen=True)
class Change:
    """What a frame tells of a remote (F-58)."""

    remote: str
    is_restart: bool = False
    has_caught_up: bool = False
    cursor: Cursor | None = None
    ranges: tuple[Dot, ...] = ()
    refused: tuple[Refusal, ...] = ()
    dead: tuple[Dot, ...] = ()
    offset: int | None = None


@dataclass(frozen=True)
class Frame:
    """One commit (F-9)."""

    position: int
    id: bytes
    previous: bytes
    is_local: bool
    blocks: tuple[Block, ...]
    change: Change | None = None


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame."""
    elements = [
        b"\x00",
        encode_uint(frame.position),
        encode(frame.id),
        encode(frame.previous),
        b"\x00",
        encode_uint(LOCAL if frame.is_local else 0),
        encode_array([encode_part(block.content) for block in frame.blocks]),
        b"\xc0" if frame.change is None else _encode_change(frame.change),
        b"\xc0",
    ]
    data = b"\x9a" + b"".join(elements)
    return data + b"\xce" + zlib.crc32(data).to_bytes(4, "big")


def decode_frame(data: bytes) -> Frame:
    """Reads a frame (F-11), its settings and receipt excepted: this client writes none."""
    end = len(data) - 5
    check(1 < end and data[end] == 0xCE and int.from_bytes(data[end + 1:], "big") == zlib.crc32(data[:end]), "F-11")
    reader = Reader(data, 0, end)
    count = reader.array()
    if reader.uint() != 0:
        raise TooNew("F-11")
    check(count == 10, "F-9")
    position, frame_id, previous, kind, flags = reader.uint(), reader.id(), reader.id(), reader.uint(), reader.uint()
    if kind != 0 or flags & 0xFE:
        raise TooNew("F-12")
    blocks = []
    for _ in range(reader.array()):
        part, content = reader.part()
        if part != 1 and part < 128:
            raise TooNew("F-14")
        if part == 1:
            blocks.append(decode_block(content))
    change = None if reader.nil() else _decode_change(reader)
    check(reader.nil() and reader.at == reader.end, "F-16")
    return Frame(position, frame_id, previous, bool(flags & LOCAL), tuple(blocks), change)


def _encode_change(change: Change) -> bytes:
    table = WriterTable()
    ranges = table.pairs(change.ranges)
    refused = []
    for writer, seq, code, message in change.refused:
        number = table.numbers.setdefault(writer, len(table.numbers))
        refused.append(encode_array([encode_uint(number), encode_uint(seq), encode(code), encode(message)]))
    dead = table.pairs(change.dead)
    return encode_array([
        encode(change.remote),
        encode_uint((RESTART if change.is_restart else 0) + (CAUGHT_UP if change.has_caught_up else 0)),
        b"\xc0" if change.cursor is None else encode_array([encode_uint(change.cursor[0]), encode(change.cursor[1])]),
        table.encode() if table.numbers else b"\xc0",
        encode(ranges or None),
        encode_array(refused) if refused else b"\xc0",
        encode(dead or None),
        b"\xc0" if change.offset is None else encode_uint(change.offset),
    ])


def _decode_change(reader: Reader) -> Change:
    check(reader.array() == 8, "F-59")
    remote, flags = reader.text(), reader.uint()
    if flags & 0xFC:
        raise TooNew("F-59")
    cursor = None
    if not reader.nil():
        check(reader.array() == 2, "F-59")
        cursor = (reader.uint(), reader.id())
    table = b"" if reader.nil() else reader.binary()
    check(len(table) % 16 == 0, "F-59")

    def dot(number: int, seq: int) -> Dot:
        check(16 * number < len(table) and 1 <= seq <= SEQ_MAX, "F-59")
        return table[16 * number:16 * number + 16], seq

    def dots() -> tuple[Dot, ...]:
        return tuple(reader.column(None, lambda column: dot(column.varint(), column.varint())) or ())

    ranges = dots()
    refused = []
    if not reader.nil():
        for _ in range(reader.array()):
            check(reader.array() == 4, "F-59")
            refused.append((*dot(reader.uint(), reader.uint()), reader.text(), reader.text()))
    dead = dots()
    offset = None if reader.nil() else reader.uint()
    return Change(remote, bool(flags & RESTART), bool(flags & CAUGHT_UP), cursor, ranges, tuple(refused), dead, offset)


class FrameFile:
    """The frames of one log, of which one process at a time may write more."""

    def __init__(self, folder: str) -> None:
        self._file: BinaryIO = open(os.path.join(folder, "frames"), "a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise
        self.has_failed = False

    def read(self) -> Iterator[bytes]:
        """All frames. What a kill has left unfinished at the end is cut off; nobody was told that it was written."""
        self._file.seek(0)
        data, at = self._file.read(), 0
        while len(data) - at >= 4 and 0 < (length := int.from_bytes(data[at:at + 4], "big")) <= len(data) - at - 4:
            check(length <= FRAME_BYTES_MAX, "F-16")
            yield data[at + 4:at + 4 + length]
            at += 4 + length
        if at < len(data):
            check(len(data) - at < 4 or data[at:at + 4] != bytes(4) or not any(data[at:]), "F-16")  # zeros alone may stand for nothing
            self._file.truncate(at)

    def append(self, frame: bytes) -> None:
        """Adds a frame; it is on the device when this returns. After a failure nothing can be added any more: what is there is not known."""
        if self.has_failed:
            raise OSError("the log could not be written before; it has to be opened again")
        self.has_failed = True
        self._file.write(len(frame).to_bytes(4, "big") + frame)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.has_failed = False

    def close(self) -> None:
        self._file.close()
