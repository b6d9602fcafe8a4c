"""What a server may answer to handshake, push and pull, and what cannot be true (protocol/SPEC.md, sections 4 to 6 and W-65). Everything else raises
`Malformed`."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blocks import Block, Dot, Vector, decode_block
from wire import MILLIS_MAX, SEQ_MAX, Cursor, Damaged, Fields, Malformed, TooNew

VERSION, FEATURES = 1, ("gzip", "live")
WITHHELD_MAX = 131_072
LIMITS = ("partsBytesMax", "operationsMax", "partsMax", "bodyBytesMax", "inflatedBytesMax")
DURABILITIES = ("durable", "buffered")
REFUSALS = ("clock_ahead", "writer_not_owned", "op_invalid", "op_too_large")  # W-33


@dataclass(frozen=True)
class Handshake:
    """W-25."""

    features: list[str]
    limits: dict[str, int]
    rights: list[str]
    server_millis: int


@dataclass(frozen=True)
class Taken:
    """`ok` (W-31)."""

    pairs: dict[bytes, tuple[int, frozenset[int]]]
    last: Cursor
    server_millis: int


@dataclass(frozen=True)
class Refused:
    """`refused`, or a push that is taken for one: (writer, seq, code, message) of each operation."""

    refused: list[tuple[bytes, int, str, str]]
    server_millis: int


@dataclass(frozen=True)
class Forbidden:
    """`forbidden`: writers that this principal may not bring."""

    writers: list[bytes]


@dataclass(frozen=True)
class Unknown:
    """`unknown`: the push builds on what the server does not have."""


@dataclass(frozen=True)
class Page:
    """W-39."""

    ranges: list[Dot]
    next: Cursor
    is_up_to_date: bool
    blocks: list[Block]
    server_millis: int


@dataclass(frozen=True)
class Restart:
    """W-42."""

    at: Cursor


def read_handshake(fields: Fields, parts: Sequence[bytes]) -> Handshake:
    """Every reader is given the blocks that the answer has."""
    _expect(fields, "handshake")
    _expect_none(fields, parts)
    if fields.integer("protocol") != VERSION:
        fields.fail("protocol", "was not offered")
    features = [fields.as_text("features", each, 64) for each in fields.items("features", 0, 64)]
    fields.once("features", features)
    if any(feature not in FEATURES for feature in features):
        fields.fail("features", "have one that was not offered")
    fields.cursor("head")
    limits = fields.members.get("limits")
    if not isinstance(limits, dict):
        fields.fail("limits", "are no map")
    rights = [fields.as_text("rights", each, 64) for each in fields.items("rights", 0, 64)]
    fields.once("rights", rights)
    _durability(fields)
    if fields.has("tokenExpiresMillis"):
        fields.integer("tokenExpiresMillis", 0, MILLIS_MAX)
    return Handshake(features, {name: fields.as_integer(name, limits.get(name), 1) for name in LIMITS}, rights, _server_millis(fields))


def read_push(
    fields: Fields, parts: Sequence[bytes], sent: Sequence[Block], basis: Sequence[Cursor]
) -> Taken | Refused | Forbidden | Unknown:
    """`sent` and `basis` are those of the push."""
    kind = fields.text("type", 64)
    _expect_none(fields, parts)
    if kind == "ok":
        return _read_taken(fields, sent, basis)
    if kind == "refused":
        return _read_refused(fields, sent)
    if kind == "forbidden":
        writers = [fields.as_binary("writers", each, 16) for each in fields.items("writers", 1, 4096)]
        fields.once("writers", writers)
        if not {block.writer for block in sent}.issuperset(writers):
            fields.fail("writers", "have one that was not sent")
        return Forbidden(writers)
    _expect(fields, "unknown")
    return Unknown()


def _read_taken(fields: Fields, sent: Sequence[Block], basis: Sequence[Cursor]) -> Taken:
    pairs: dict[bytes, tuple[int, frozenset[int]]] = {}
    total = 0
    for each in fields.items("pairs", 0, 4096):
        writer, seq, withheld = fields.as_items("pairs", each, 3, 3)
        fields.as_binary("pairs", writer, 16)
        fields.as_integer("pairs", seq, 1, SEQ_MAX)
        total += len(fields.as_items("pairs", withheld, 0, WITHHELD_MAX - total))
        for before, number in zip([0, *withheld], withheld):
            if fields.as_integer("pairs", number, 1, seq) <= before:
                fields.fail("pairs", "have withheld numbers that do not ascend")
        if writer in pairs:
            fields.fail("pairs", "name a writer twice")
        pairs[writer] = (seq, frozenset(withheld))
    if pairs.keys() != {block.writer for block in sent}:
        fields.fail("pairs", "are not those of the writers that were sent")
    for block in sent:
        seq, withheld = pairs[block.writer]
        if seq < block.to:
            fields.fail("pairs", "have a seq below what was sent")
        if not withheld.isdisjoint(row.seq for row in block.rows):
            fields.fail("pairs", "withhold an operation that was listed")  # it was taken with step 8 of W-30
    last = fields.cursor("last")
    if any(last[0] < cursor[0] or (last[0] == cursor[0] and last != cursor) for cursor in basis):
        fields.fail("last", "is before what the push builds on")
    _durability(fields)
    return Taken(pairs, last, _server_millis(fields))


def _read_refused(fields: Fields, sent: Sequence[Block]) -> Refused:
    listed = {(block.writer, row.seq) for block in sent for row in block.rows}
    refused = []
    for each in fields.items("refused", 1, 4096):
        writer, seq, code, message = fields.as_items("refused", each, 4, 4)
        if (fields.as_binary("refused", writer, 16), fields.as_integer("refused", seq, 1, SEQ_MAX)) not in listed:
            fields.fail("refused", "names an operation that was not listed")
        if fields.as_text("refused", code, 64) not in REFUSALS:
            fields.fail("refused", "has a code that is none")
        refused.append((writer, seq, code, fields.as_text("refused", message, 200, 0)))
    fields.once("refused", [(writer, seq) for writer, seq, _, _ in refused])
    return Refused(refused, _server_millis(fields))


def read_pull(fields: Fields, parts: Sequence[bytes], cursor: Cursor, have: Vector) -> Page | Restart:
    """`cursor` and `have` are those of the pull."""
    if fields.text("type", 64) == "restart":
        at = fields.cursor("at")
        _server_millis(fields)
        if cursor[0] == 0 or at[0] != 0 or parts:
            fields.fail("at", "restarts what has just begun, or goes on from a state, which is not in use")
        return Restart(at)
    _expect(fields, "page")
    ranges = []
    for each in fields.items("ranges", 0, 4096):
        writer, seq = fields.as_items("ranges", each, 2, 2)
        if fields.as_integer("ranges", seq, 1, SEQ_MAX) > have.get(fields.as_binary("ranges", writer, 16), 0):
            fields.fail("ranges", "leave out what this client does not have")
        ranges.append((writer, seq))
    end, head = fields.cursor("next"), fields.integer("head")
    is_up_to_date = fields.members.get("upToDate")
    if not isinstance(is_up_to_date, bool):
        fields.fail("upToDate", "is no boolean")
    if end[0] < cursor[0] or (end[0] == cursor[0] and end != cursor):
        fields.fail("next", "is before the cursor")
    if end == cursor and (parts or ranges):
        fields.fail("next", "is the cursor, and there are parts")
    if head < end[0] or is_up_to_date != (head == end[0]):
        fields.fail("head", "does not go with next and upToDate")
    try:
        blocks = [decode_block(content) for content in parts]
    except (Damaged, TooNew) as rule:
        raise Malformed(f"parts have a block that cannot be read ({rule})") from None
    if sum(len(block.withheld) for block in blocks) > WITHHELD_MAX:
        fields.fail("parts", "have too many withheld numbers")
    return Page(ranges, end, is_up_to_date, blocks, _server_millis(fields))


def _expect(fields: Fields, kind: str) -> None:
    if fields.text("type", 64) != kind:
        fields.fail("type", f"is not {kind}")


def _expect_none(fields: Fields, parts: Sequence[bytes]) -> None:
    if parts:
        fields.fail("parts", "are in an answer that has none")


def _durability(fields: Fields) -> None:
    if fields.text("durability", 64) not in DURABILITIES:
        fields.fail("durability", "is none")


def _server_millis(fields: Fields) -> int:
    return fields.integer("serverTimeMillis", 0, MILLIS_MAX)
