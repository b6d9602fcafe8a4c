"""Operation blocks (docs/format.md, section 3), read and written. The rules that a line follows stand behind it."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from wire import MILLIS_MAX, SEQ_MAX, Damaged, Reader, TooNew, check, encode, encode_array, encode_uint

PUT, DELETE, CHOICE, EVENT, FORGET = range(5)
ROWS_MAX, ENTRIES_MAX, LINKS_MAX, WITHHELD_BYTES = 65_536, 1024, 64, 20

Dot = tuple[bytes, int]
"""A writer and one of its seqs: names an operation for ever."""
Vector = dict[bytes, int]
"""Per writer the greatest seq (F-37), the chains of the writers not included."""


@dataclass(frozen=True)
class Row:
    """One operation (F-20 to F-24)."""

    seq: int
    kind: int
    millis: int
    counter: int
    key: bytes
    value: bytes | None
    collection: str = ""
    context: Vector = field(default_factory=dict)
    keeps: tuple[Dot, ...] = ()
    settles: Vector | None = None


@dataclass(frozen=True)
class Block:
    """What one writer did behind `start` and up to `to` (F-17). `content` is how it came, or None for one that is made here."""

    writer: bytes
    start: int
    to: int
    rows: tuple[Row, ...]
    withheld: tuple[int, ...] = ()
    links: tuple[Dot, ...] = ()
    label: str | None = None
    origin: bytes | None = None
    content: bytes = b""

    @property
    def weight(self) -> int:
        """Bytes that it counts for (W-52)."""
        return len(self.content) + WITHHELD_BYTES * len(self.withheld)

    def numbers(self) -> Iterator[tuple[int, Row | None]]:
        """Each seq of the range that is not void, with its operation, or None where it is withheld."""
        listed: dict[int, Row | None] = {row.seq: row for row in self.rows}
        listed.update(dict.fromkeys(self.withheld))
        return iter(sorted(listed.items()))


def encoded(block: Block) -> Block:
    """The same block with its bytes."""
    return replace(block, content=encode_block(block))


# ---- reading ------------------------------------------------------------------------------------------------------------------------------


def decode_block(content: bytes) -> Block:
    """Reads a block from left to right (F-19), all of it but whether its keys are text and its values values."""
    return _BlockReader(content).block()


class _BlockReader:
    """A block on its way in: the table of writers and the range, which later elements refer to."""

    def __init__(self, content: bytes) -> None:
        self.content, self.reader = content, Reader(content)
        self.writers: list[bytes] = []
        self.start = self.to = 0

    def block(self) -> Block:
        reader = self.reader
        count = reader.array()
        if reader.uint() != 0:
            raise TooNew("F-19")
        check(count == 24, "F-18")
        table = reader.binary()
        check(len(table) > 0 and len(table) % 16 == 0, "F-26")
        self.writers = [table[at:at + 16] for at in range(0, len(table), 16)]
        check(len(set(self.writers)) == len(self.writers), "F-26")
        self.start, self.to = reader.uint(), reader.uint()
        check(self.start < self.to <= SEQ_MAX, "F-18")
        rows = reader.uint()
        check(rows <= min(ROWS_MAX, self.to - self.start, (reader.end - reader.at) // 2), "F-18")
        withheld = self.ascending(reader.column(None, Reader.varint) or [])
        origin = None if reader.nil() else reader.id()
        links = self.links()
        label = None
        if not reader.nil():
            label = reader.text()
            check(self.start == 0 and len(label.encode("utf-8")) <= 200, "F-25")
        names = self.names()
        check(reader.at < reader.end, "F-11")
        if not reader.nil():
            raise TooNew("F-19")
        return Block(self.writers[0], self.start, self.to, self.rows(rows, set(withheld), names), tuple(withheld), links, label, origin, self.content)

    def names(self) -> list[str]:
        if self.reader.nil():
            return [""]
        count = self.reader.array()
        check(0 < count <= 65_535, "F-26")
        names = []
        for _ in range(count):
            names.append(self.reader.text())
            check(len(names[-1].encode("utf-8")) <= 200, "F-18")
        return names

    def rows(self, rows: int, withheld: set[int], names: list[str]) -> tuple[Row, ...]:
        reader = self.reader
        millis, counter = reader.uint(), reader.uint()
        check(millis <= MILLIS_MAX and counter <= 65_535 and (rows > 0 or millis == counter == 0), "F-18")
        kinds = self.kinds(rows)
        deltas = reader.column(rows, Reader.varint)
        check(deltas is not None or rows == self.to - self.start, "F-18")
        seqs = self.ascending(deltas if deltas is not None else [1] * rows)
        check(withheld.isdisjoint(seqs), "F-26")
        stamps = self.stamps(rows, millis, counter)
        collections = reader.column(rows, Reader.varint) or [0] * rows
        check(all(number < len(names) for number in collections), "F-23")
        at = iter(seqs)
        contexts = reader.column(rows, lambda column: self.context(column, next(at))) or [{} for _ in range(rows)]
        keeps, settles = self.side(seqs)
        check(all((kind == CHOICE) == (row in settles) for row, kind in enumerate(kinds)), "F-26")
        keys = self.texts(reader.column(rows, Reader.varint), rows)
        for kind, key in zip(kinds, keys):
            check((0 if kind == EVENT else 1) <= len(key) <= 1024, "F-20")
        carried = [row for row, kind in enumerate(kinds) if kind not in (DELETE, FORGET)]
        lengths = reader.column(len(carried), Reader.varint)
        check(lengths is not None or not carried, "F-18")
        values = dict(zip(carried, self.texts(lengths or [], len(carried))))
        for row, value in values.items():
            check((0 if kinds[row] == CHOICE else 1) <= len(value) <= 1_048_576, "F-20")
        check(reader.at == reader.end, "F-18")
        return tuple(
            Row(
                seqs[row], kinds[row], *stamps[row], keys[row], values.get(row), names[collections[row]], contexts[row],
                keeps.get(row, ()), settles.get(row),
            )
            for row in range(rows)
        )

    def ascending(self, deltas: Iterable[int]) -> list[int]:
        seqs, last = [], self.start
        for delta in deltas:
            check(delta >= 1 and last + delta <= self.to, "F-26")
            last += delta
            seqs.append(last)
        return seqs

    def links(self) -> tuple[Dot, ...]:
        numbers = self.reader.column(None, Reader.varint)
        check(numbers is None or self.start == 0, "F-25")
        numbers = numbers or []
        check(len(numbers) % 2 == 0 and len(numbers) <= 2 * LINKS_MAX, "F-25")
        return tuple(self.dot(number, seq, 0) for number, seq in zip(numbers[::2], numbers[1::2]))

    def dot(self, number: int, seq: int, below: int) -> Dot:
        """A pair (writer number, seq); of the block's own writer only what is `below` (F-23, F-25)."""
        check(number < len(self.writers) and 1 <= seq <= SEQ_MAX and (number != 0 or seq < below), "F-23")
        return self.writers[number], seq

    def kinds(self, rows: int) -> list[int]:
        if self.reader.nil():
            return [PUT] * rows
        kinds = list(self.reader.binary())
        check(len(kinds) == rows, "F-26")
        if any(kind > FORGET for kind in kinds):
            raise TooNew("F-20")
        return kinds

    def stamps(self, rows: int, millis: int, counter: int) -> list[tuple[int, int]]:
        later = max(rows - 1, 0)
        times = [millis][:rows]
        for delta in self.reader.column(later, Reader.zigzag) or [0] * later:
            times.append(times[-1] + delta)
            check(0 <= times[-1] <= MILLIS_MAX, "F-21")
        counters = [counter][:rows]
        for row, difference in enumerate(self.reader.column(later, Reader.zigzag) or [0] * later, 1):
            counters.append((counters[-1] + 1 if times[row] == times[row - 1] else 0) + difference)
            check(0 <= counters[-1] <= 65_535, "F-21")
        return list(zip(times, counters))

    def context(self, column: Reader, seq: int) -> Vector:
        code = column.varint()
        if code > 2:
            raise TooNew("F-22")
        if code == 1:
            distance = column.varint()
            check(1 <= distance < seq, "F-22")
            return {self.writers[0]: seq - distance}
        return _vector(self.dots(column, seq)) if code == 2 else {}

    def dots(self, column: Reader, seq: int) -> tuple[Dot, ...]:
        count = column.varint()
        check(1 <= count <= ENTRIES_MAX, "F-22")
        return tuple(self.dot(column.varint(), column.varint(), seq) for _ in range(count))

    def side(self, seqs: Sequence[int]) -> tuple[dict[int, tuple[Dot, ...]], dict[int, Vector]]:
        """`keeps` and `settles` by row (F-24)."""
        keeps: dict[int, tuple[Dot, ...]] = {}
        settles: dict[int, Vector] = {}
        if self.reader.nil():
            return keeps, settles
        column, row, is_first = Reader(self.reader.binary()), 0, True
        while column.at < column.end:
            distance = column.varint()
            check(is_first or distance >= 1, "F-24")
            row, is_first = row + distance, False
            check(row < len(seqs), "F-24")
            flags = column.varint()
            if flags > 3:
                raise TooNew("F-24")
            check(flags > 0, "F-24")
            if flags & 1:
                keeps[row] = self.dots(column, seqs[row])
            if flags & 2:
                settles[row] = _vector(self.dots(column, seqs[row]))
        return keeps, settles

    def texts(self, lengths: Sequence[int] | None, rows: int) -> list[bytes]:
        if lengths is None or len(lengths) != rows:
            raise Damaged("F-26")
        data, at, texts = self.reader.binary(), 0, []
        check(sum(lengths) == len(data), "F-26")
        for length in lengths:
            texts.append(data[at:at + length])
            at += length
        return texts


def _vector(dots: Iterable[Dot]) -> Vector:
    vector: Vector = {}
    for writer, seq in dots:
        vector[writer] = max(seq, vector.get(writer, 0))
    return vector


# ---- writing ------------------------------------------------------------------------------------------------------------------------------


class WriterTable:
    """Numbers of writers, in the order in which they are first named."""

    def __init__(self, *writers: bytes) -> None:
        self.numbers = {writer: number for number, writer in enumerate(writers)}

    def pair(self, writer: bytes, seq: int) -> bytes:
        return varint(self.numbers.setdefault(writer, len(self.numbers))) + varint(seq)

    def pairs(self, dots: Iterable[Dot]) -> bytes:
        return b"".join(self.pair(*dot) for dot in dots)

    def encode(self) -> bytes:
        return encode(b"".join(self.numbers))


def encode_block(block: Block) -> bytes:
    """The bytes of a block, with nil wherever it says the same (F-27)."""
    rows, table = block.rows, WriterTable(block.writer)
    names = list(dict.fromkeys(row.collection for row in rows)) or [""]
    withheld = _column(_distances(block.withheld, block.start), not block.withheld)
    links = encode(table.pairs(block.links)) if block.links else b"\xc0"
    seqs = [row.seq for row in rows]
    is_full = seqs == list(range(block.start + 1, block.to + 1))
    contexts = encode(b"".join(_context(table, block.writer, row) for row in rows)) if any(row.context for row in rows) else b"\xc0"
    side = _side(table, rows)
    values = [row.value or b"" for row in rows if row.kind not in (DELETE, FORGET)]
    elements = [
        b"\x00",
        table.encode(),
        *map(encode_uint, (block.start, block.to, len(rows))),
        withheld,
        encode(block.origin),
        links,
        encode(block.label),
        b"\xc0" if names == [""] else encode(names),
        b"\xc0",
        *map(encode_uint, (rows[0].millis, rows[0].counter) if rows else (0, 0)),
        encode(bytes(row.kind for row in rows)) if any(row.kind for row in rows) else b"\xc0",
        _column(_distances(seqs, block.start), is_full),
        _column([zigzag(row.millis - before.millis) for before, row in zip(rows, rows[1:])]),
        _column([zigzag(row.counter - (before.counter + 1 if row.millis == before.millis else 0)) for before, row in zip(rows, rows[1:])]),
        _column([varint(names.index(row.collection)) for row in rows]),
        contexts,
        side,
        _column([varint(len(row.key)) for row in rows], False),
        encode(b"".join(row.key for row in rows)),
        _column([varint(len(value)) for value in values], not values),
        encode(b"".join(values)),
    ]
    return encode_array(elements)


def varint(value: int) -> bytes:
    """F-2."""
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def zigzag(value: int) -> bytes:
    """F-2."""
    return varint(2 * value if value >= 0 else -2 * value - 1)


def _column(entries: Sequence[bytes], is_nil: bool | None = None) -> bytes:
    """F-3. Nil where nothing else is said and all entries are 0."""
    if is_nil is None:
        is_nil = all(entry == b"\x00" for entry in entries)
    return b"\xc0" if is_nil else encode(b"".join(entries))


def _distances(seqs: Sequence[int], start: int) -> list[bytes]:
    return [varint(seq - before) for before, seq in zip([start, *seqs], seqs)]


def _context(table: WriterTable, writer: bytes, row: Row) -> bytes:
    """F-22."""
    if not row.context:
        return b"\x00"
    if list(row.context) == [writer]:
        return b"\x01" + varint(row.seq - row.context[writer])
    return b"\x02" + varint(len(row.context)) + table.pairs(row.context.items())


def _side(table: WriterTable, rows: Sequence[Row]) -> bytes:
    """F-24."""
    data, before = b"", 0
    for at, row in enumerate(rows):
        if row.keeps or row.settles:
            data += varint(at - before) + varint((1 if row.keeps else 0) + (2 if row.settles else 0))
            before = at
            for dots in (row.keeps, tuple((row.settles or {}).items())):
                data += varint(len(dots)) + table.pairs(dots) if dots else b""
    return encode(data) if data else b"\xc0"
