"""Bytes that both ends of the sync protocol need, written from protocol/SPEC.md and docs/format.md with Python's standard library alone: values
of the profile (format, section 1), messages and their fields (W-12 to W-18). The rules that a line follows stand behind it.
"""
from __future__ import annotations

import math
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

MEDIA_TYPE = "application/vnd.persist+msgpack"
FIELDS_BYTES_MAX, PARTS_MAX, PARTS_BYTES_MAX, MESSAGE_BYTES_MAX = 1_048_576, 4096, 3_800_000, 5_242_880  # W-51
VALUE_BYTES_MAX, NODES_MAX, MEMBERS_MAX, DEPTH_MAX = 1_048_576, 262_144, 65_536, 64  # F-7
SEQ_MAX, MILLIS_MAX = 2 ** 31 - 1, 2 ** 48 - 1
NO_CALL = bytes(16)

Cursor = tuple[int, bytes]
START: Cursor = (0, bytes(16))
"""Before the first frame of any log (W-2)."""

Entry = TypeVar("Entry")
Markers = tuple[tuple[int, int], ...]
BINARY: Markers = ((1, 0xC4), (2, 0xC5), (4, 0xC6))
TEXT: Markers = ((1, 0xD9), (2, 0xDA), (4, 0xDB))
ARRAY: Markers = ((2, 0xDC), (4, 0xDD))
MAP: Markers = ((2, 0xDE), (4, 0xDF))


class Damaged(Exception):
    """Bytes that the format refuses."""


class TooNew(Exception):
    """Bytes of a later version of the format."""


class Mangled(Exception):
    """Bytes that are not those that were sent (W-13)."""


class Malformed(Exception):
    """A field of a message that is not as the tables say (W-12)."""


def check(holds: bool, rule: str) -> None:
    """Refuses bytes as damaged unless `holds`."""
    if not holds:
        raise Damaged(rule)


def now() -> int:
    """Milliseconds since 1970-01-01T00:00:00Z by the clock of this machine."""
    return time.time_ns() // 1_000_000


# ---- values (format, section 1) -----------------------------------------------------------------------------------------------------------


class Big(int):
    """A big integer, which is no number (F-6)."""


class Instant(int):
    """Milliseconds since 1970-01-01."""


class Reader:
    """Reads MessagePack in its shortest forms (F-1), and compares every length with what is left (F-50)."""

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data, self.at, self.end = data, at, len(data) if end is None else end

    def take(self, length: int) -> bytes:
        check(length <= self.end - self.at, "F-50")
        start, self.at = self.at, self.at + length
        return self.data[start:self.at]

    def byte(self) -> int:
        check(self.at < self.end, "F-50")
        self.at += 1
        return self.data[self.at - 1]

    def number(self, length: int, least: int = 0) -> int:
        value = int.from_bytes(self.take(length), "big")
        check(value >= least, "F-1")
        return value

    def length(self, head: int, fix: tuple[int, int] | None, markers: Markers) -> int:
        """The length that a head tells: `fix` is (first, last) of the short form, `markers` the others, by the bytes of their length."""
        if fix and fix[0] <= head <= fix[1]:
            return head - fix[0]
        least = fix[1] - fix[0] + 1 if fix else 0
        for size, marker in markers:
            if head == marker:
                return self.number(size, least)
            least = 256 ** size
        raise Damaged("F-1")

    def array(self) -> int:
        """The count of an array."""
        count = self.length(self.byte(), (0x90, 0x9F), ARRAY)
        check(count <= self.end - self.at, "F-50")
        return count

    def binary(self) -> bytes:
        return self.take(self.length(self.byte(), None, BINARY))

    def id(self) -> bytes:
        """A binary of 16 bytes."""
        data = self.binary()
        check(len(data) == 16, "F-26")
        return data

    def text(self) -> str:
        try:
            return self.take(self.length(self.byte(), (0xA0, 0xBF), TEXT)).decode("utf-8")
        except UnicodeDecodeError:
            raise Damaged("F-4") from None

    def uint(self) -> int:
        head = self.byte()
        if head < 0x80:
            return head
        check(0xCC <= head <= 0xCF, "F-1")
        size = 1 << (head - 0xCC)
        value = self.number(size, 128 if size == 1 else 256 ** (size // 2))
        check(value < 2 ** 53, "F-4")
        return value

    def nil(self) -> bool:
        """Whether nil comes next; it is taken then."""
        if self.at < self.end and self.data[self.at] == 0xC0:
            self.at += 1
            return True
        return False

    def part(self) -> tuple[int, bytes]:
        """Type and content (F-13, F-15)."""
        check(self.array() == 2, "F-13")
        kind = self.uint()
        check(self.byte() == 0xC6, "F-15")
        return kind, self.take(self.number(4))

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            check(value < 2 ** 53, "F-2")
            if byte < 0x80:
                check(byte != 0 or shift == 0, "F-2")
                return value
            shift += 7

    def zigzag(self) -> int:
        value = self.varint()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def column(self, rows: int | None, entry: Callable[[Reader], Entry]) -> list[Entry] | None:
        """F-3; None for nil. `rows` None: entries until it ends."""
        if self.nil():
            return None
        column = Reader(self.binary())
        entries: list[Entry] = []
        while (column.at < column.end) if rows is None else (len(entries) < rows):
            entries.append(entry(column))
        check(column.at == column.end, "F-3")
        return entries

    def value(self, depth: int = 0, nodes: list[int] | None = None) -> Any:
        """One value of the profile F-6, within F-7; the depth is bounded before it is gone into."""
        nodes = nodes if nodes is not None else [0]
        nodes[0] += 1
        check(nodes[0] <= NODES_MAX, "F-7")
        head = self.byte()
        if head < 0x80:
            return head
        if head >= 0xE0:
            return head - 256
        if head in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[head]
        if 0x80 <= head <= 0x8F or head in (0xDE, 0xDF):
            count = self.length(head, (0x80, 0x8F), MAP)
            check(depth < DEPTH_MAX and count <= MEMBERS_MAX and 2 * count <= self.end - self.at, "F-7")
            members = {}
            for _ in range(count):
                key = self.text()
                check(key not in members and key != "__proto__", "F-6")
                members[key] = self.value(depth + 1, nodes)
            return members
        if 0x90 <= head <= 0x9F or head in (0xDC, 0xDD):
            count = self.length(head, (0x90, 0x9F), ARRAY)
            check(depth < DEPTH_MAX and count <= self.end - self.at, "F-7")
            return [self.value(depth + 1, nodes) for _ in range(count)]
        self.at -= 1
        if 0xA0 <= head <= 0xBF or head in (0xD9, 0xDA, 0xDB):
            return self.text()
        if head in (0xC4, 0xC5, 0xC6):
            return self.binary()
        if head in (0xCC, 0xCD, 0xCE):
            return self.uint()
        self.at += 1
        if head in (0xD0, 0xD1, 0xD2, 0xD3):
            size = 1 << (head - 0xD0)
            value = int.from_bytes(self.take(size), "big", signed=True)
            if size == 8:
                return Big(value)
            check(value < (-32 if size == 1 else -(256 ** (size // 2)) // 2), "F-6")
            return value
        if head == 0xCF:
            return Big(self.number(8, 2 ** 63))
        if head == 0xCB:
            return self._binary64()
        if head in (0xD6, 0xD7, 0xC7):
            return self._instant(head)
        raise Damaged("F-7")

    def _binary64(self) -> int | float:
        data = self.take(8)
        value: float = struct.unpack(">d", data)[0]
        if math.isnan(value):
            check(data == b"\x7f\xf8\0\0\0\0\0\0", "F-6")
        elif math.isfinite(value) and value == int(value):
            check(not -(2 ** 31) <= value < 2 ** 32, "F-7")  # negative zero, too
            return int(value) if abs(value) < 2 ** 63 else value
        return value

    def _instant(self, head: int) -> Instant:
        kind = self.take({0xD6: 1, 0xD7: 1, 0xC7: 2}[head])
        check(kind == (b"\x0c\xff" if head == 0xC7 else b"\xff"), "F-7")
        if head == 0xD6:
            seconds, nanos = self.number(4), 0
        elif head == 0xD7:
            both = self.number(8)
            seconds, nanos = both & (2 ** 34 - 1), both >> 34
            check(seconds >= 2 ** 32 or nanos > 0, "F-6")
        else:
            nanos, seconds = self.number(4), int.from_bytes(self.take(8), "big", signed=True)
            check(not 0 <= seconds < 2 ** 34, "F-6")
        millis = seconds * 1000 + nanos // 1_000_000
        check(nanos < 1_000_000_000 and nanos % 1_000_000 == 0 and abs(millis) <= 8_640_000_000_000_000, "F-6")
        return Instant(millis)


def decode_value(data: bytes) -> Any:
    """The value that bytes are, with nothing behind it (F-6, F-7)."""
    check(len(data) <= VALUE_BYTES_MAX, "F-7")
    reader = Reader(data)
    value = reader.value()
    check(reader.at == reader.end, "F-7")
    return value


def is_value(data: bytes) -> bool:
    """Whether bytes are a value and nothing else."""
    try:
        decode_value(data)
        return True
    except Damaged:
        return False


def is_text(data: bytes) -> bool:
    """Whether bytes are well-formed UTF-8 (F-4)."""
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def encode_head(length: int, fix: tuple[int, int] | None, markers: Markers) -> bytes:
    """The shortest head for a length: `fix` is the first of the short forms and their count."""
    if fix is not None and length < fix[1]:
        return bytes([fix[0] + length])
    size, marker = next((size, marker) for size, marker in markers if length < 256 ** size)
    return bytes([marker]) + length.to_bytes(size, "big")


def encode_uint(value: int) -> bytes:
    """A `uint` of the format, up to 2^53 − 1 (F-4): no value from 2^32 on."""
    return encode_head(value, (0, 128), ((1, 0xCC), (2, 0xCD), (4, 0xCE), (8, 0xCF)))


def encode_array(items: Sequence[bytes]) -> bytes:
    """An array of what is encoded already."""
    return encode_head(len(items), (0x90, 16), ARRAY) + b"".join(items)


def encode_part(content: bytes) -> bytes:
    """An operation block as a part (F-13, F-15)."""
    return b"\x92\x01\xc6" + len(content).to_bytes(4, "big") + content


def encode(value: Any, depth: int = 0) -> bytes:
    """A value as bytes (F-6), of what JSON has and binaries. Text that is not well-formed, and what is too deep, is refused as damaged."""
    check(depth <= DEPTH_MAX, "F-7")
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, (int, float)):
        return _encode_number(value)
    if isinstance(value, str):
        try:
            data = value.encode("utf-8")
        except UnicodeEncodeError:
            raise Damaged("F-4") from None
        return encode_head(len(data), (0xA0, 32), TEXT) + data
    if isinstance(value, bytes):
        return encode_head(len(value), None, BINARY) + value
    if isinstance(value, (list, tuple)):
        return encode_array([encode(each, depth + 1) for each in value])
    members = b"".join(encode(key, depth + 1) + encode(member, depth + 1) for key, member in value.items())
    return encode_head(len(value), (0x80, 16), MAP) + members


def _encode_number(value: int | float) -> bytes:
    if isinstance(value, int) and not -(2 ** 31) <= value < 2 ** 32:
        value = float(value)
    if -(2 ** 31) <= value < 2 ** 32 and value == int(value):
        whole = int(value)
        if whole >= 0:
            return encode_uint(whole)
        if whole >= -32:
            return bytes([whole + 256])
        size, marker = next((size, marker) for size, marker in ((1, 0xD0), (2, 0xD1), (4, 0xD2)) if whole >= -(256 ** size) // 2)
        return bytes([marker]) + whole.to_bytes(size, "big", signed=True)
    return b"\xcb" + (b"\x7f\xf8\0\0\0\0\0\0" if math.isnan(value) else struct.pack(">d", value))


# ---- messages (W-12 to W-18) --------------------------------------------------------------------------------------------------------------


def encode_message(fields: dict[str, Any], call: bytes = NO_CALL, parts: Iterable[bytes] = ()) -> bytes:
    """A message with operation blocks as its parts."""
    data = b"\x94" + encode(fields)
    data += encode_array([encode_part(content) for content in parts]) + b"\xc4\x10" + call
    return data + b"\xce" + zlib.crc32(data).to_bytes(4, "big")


def decode_message(data: bytes) -> tuple[dict[str, Any], list[tuple[int, bytes]], bytes]:
    """Fields, parts and call. The checksum comes first (W-13): bytes with a wrong one are mangled, other bytes that are no message damaged."""
    end = len(data) - 5
    if end < 1 or data[end] != 0xCE or int.from_bytes(data[end + 1:], "big") != zlib.crc32(data[:end]):
        raise Mangled("the checksum of the body is wrong")
    reader = Reader(data, 0, end)
    check(reader.array() == 4, "W-12")
    start = reader.at
    fields = reader.value()
    check(isinstance(fields, dict) and reader.at - start <= FIELDS_BYTES_MAX, "W-12")
    count = reader.array()
    check(count <= PARTS_MAX, "W-51")
    parts, size = [], 0
    for _ in range(count):
        kind, content = reader.part()
        size += len(content)
        check(size <= PARTS_BYTES_MAX, "W-51")
        parts.append((kind, content))
    call = reader.binary()
    check(len(call) == 16 and reader.at == end, "W-12")
    return fields, parts, call


class Fields:
    """Members of a message, each read as its table says; everything else is malformed, and named."""

    def __init__(self, members: dict[str, Any]) -> None:
        self.members = members

    def fail(self, name: str, what: str) -> NoReturn:
        raise Malformed(f"{name} {what}")

    def has(self, name: str) -> bool:
        """Whether a member is there that may be absent (W-14)."""
        return self.members.get(name) is not None

    def integer(self, name: str, least: int = 0, most: int = 2 ** 53 - 1) -> int:
        return self.as_integer(name, self.members.get(name), least, most)

    def text(self, name: str, most: int, least: int = 1) -> str:
        return self.as_text(name, self.members.get(name), most, least)

    def binary(self, name: str, length: int) -> bytes:
        return self.as_binary(name, self.members.get(name), length)

    def cursor(self, name: str) -> Cursor:
        return self.as_cursor(name, self.members.get(name))

    def names(self, name: str) -> list[str]:
        """A list of names that may be absent (W-15, W-51)."""
        return [self.as_text(name, each, 64) for each in self.items(name, 0, 64)] if self.has(name) else []

    def items(self, name: str, least: int, most: int) -> list[Any]:
        return self.as_items(name, self.members.get(name), least, most)

    def as_items(self, name: str, value: Any, least: int, most: int) -> list[Any]:
        """The elements of a list."""
        if not isinstance(value, list) or not least <= len(value) <= most:
            self.fail(name, f"is no list of {least} to {most} elements")
        return value

    def as_integer(self, name: str, value: Any, least: int = 0, most: int = 2 ** 53 - 1) -> int:
        if not isinstance(value, int) or isinstance(value, (bool, Big, Instant)) or not least <= value <= most:
            self.fail(name, f"is no integer from {least} to {most}")
        return value

    def as_text(self, name: str, value: Any, most: int, least: int = 1) -> str:
        if not isinstance(value, str) or not least <= len(value.encode("utf-8")) <= most:
            self.fail(name, f"is no string of {least} to {most} bytes")
        return value

    def as_binary(self, name: str, value: Any, length: int) -> bytes:
        if not isinstance(value, bytes) or len(value) != length:
            self.fail(name, f"is no binary of {length} bytes")
        return value

    def as_cursor(self, name: str, value: Any) -> Cursor:
        position, frame = self.as_items(name, value, 2, 2)
        self.as_integer(name, position)
        self.as_binary(name, frame, 16)
        if position == 0 and frame != START[1]:
            self.fail(name, "has an id at position 0")
        return (position, frame)

    def once(self, name: str, named: Sequence[Any]) -> None:
        if len(set(named)) != len(named):
            self.fail(name, "names something twice")
