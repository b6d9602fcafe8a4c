"""The log of a device: frames in memory, and in a file where there is one, with all that is folded from them (docs/format.md, sections 4 to 6).

    append  one frame: into the file, then folded     write   operations of this open, as a local frame
"""
from __future__ import annotations

import heapq
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from blocks import LINKS_MAX, Block, Dot, Row, Vector, encoded
from frames import Change, Frame, FrameFile, decode_frame, encode_frame
from records import Lineage, Records, Version, is_version
from wire import MILLIS_MAX, SEQ_MAX, START, Cursor, Damaged, check, now

DRIFT_MILLIS_MAX = 300_000
Pair = tuple[int, frozenset[int]]
"""How far a log has everything of a writer, and what is withheld of that (F-38)."""
Stamp = tuple[int, int]


@dataclass(frozen=True)
class Draft:
    """An operation that is not written yet: its log gives it seq and stamp."""

    kind: int
    key: bytes
    value: bytes | None
    context: Vector
    keeps: tuple[Dot, ...]
    collection: str = ""


@dataclass
class Known:
    """What a log knows of a remote (F-62)."""

    cursor: Cursor = START
    vector: Vector = field(default_factory=dict)
    has_caught_up: bool = False
    refused: dict[Dot, str] = field(default_factory=dict)
    offset: int = 0


class Clock:
    """A hybrid logical clock (F-35). Stamps that are too far ahead wait until they are not."""

    def __init__(self) -> None:
        self.offset = 0
        self._latest: Stamp = (0, 0)
        self._ahead: list[Stamp] = []

    def receive(self, stamps: Iterable[Stamp]) -> None:
        for stamp in stamps:
            heapq.heappush(self._ahead, stamp)

    def set_offset(self, offset: int, stamps: Iterable[Stamp]) -> None:
        """Goes on from the device's clock less the offset, whatever was sent before; `stamps` are all that the log holds."""
        self.offset, self._latest, self._ahead = offset, (0, 0), list(stamps)
        heapq.heapify(self._ahead)

    def send(self) -> Stamp:
        """A stamp later than all that the log holds, but for those too far ahead."""
        millis = min(max(now() - self.offset, 0), MILLIS_MAX)
        while self._ahead and self._ahead[0][0] <= millis + DRIFT_MILLIS_MAX:
            self._latest = max(self._latest, heapq.heappop(self._ahead))
        last, counter = self._latest
        self._latest = (millis, 0) if millis > last else (last, counter + 1) if counter < 65_535 else (last + 1, 0)
        return self._latest


class DeviceLog:
    """One log. `lock` is held by whoever reads it while others write."""

    def __init__(self, folder: str | None) -> None:
        self.lock = threading.RLock()
        self.frames: list[Frame] = []
        self.lineage = Lineage()
        self.records = Records(self.lineage)
        self.own: dict[bytes, None] = {}
        self.dead: set[Dot] = set()
        self._clock = Clock()
        self._known: dict[str, Known] = {}
        self._entries: dict[bytes, Pair] = {}
        self._implied: Vector = {}
        self._writer: bytes | None = None
        self._file = FrameFile(folder) if folder is not None else None
        for data in self._file.read() if self._file else ():
            self.take(decode_frame(data))
        self._set_clock()

    @property
    def replica(self) -> bytes | None:
        """The first half of its writers' ids, once it has written (F-31)."""
        return next(iter(self.own))[:8] if self.own else None

    def known(self, remote: str) -> Known:
        return self._known.setdefault(remote, Known())

    def pair(self, writer: bytes) -> Pair:
        """F-38."""
        seq, withheld = self._entries.get(writer, (0, frozenset()))
        return max(seq, self._implied.get(writer, 0)), withheld

    def complete(self, writer: bytes) -> int:
        """How far the log has all of a writer's operations."""
        seq, withheld = self.pair(writer)
        return min(withheld) - 1 if withheld else seq

    # ---- writing --------------------------------------------------------------------------------------------------------------------------

    def put(self, kind: int, key: bytes, value: bytes | None) -> None:
        """One operation of the user: it replaces all versions that there are, since no conflict is left to be settled (F-43, F-46)."""
        with self.lock:
            context, keeps = self.records.context_for(self.records.siblings(("", key)))
            self.write([Draft(kind, key, value, context, keeps)])

    def write(self, drafts: Sequence[Draft], change: Change | None = None, offset: int = 0) -> None:
        """Writes operations of this open as one local frame, with a change. An offset is that of the clock that stamps them."""
        with self.lock:
            if offset > self._clock.offset:
                self._clock.set_offset(offset, self._stamps())
            blocks = [self._block(drafts)] if drafts else []
            self.append(blocks, change, is_local=bool(drafts))

    def leave_writer(self) -> None:
        """Writes under another writer from now on (W-36)."""
        self._writer = None

    def _block(self, drafts: Sequence[Draft]) -> Block:
        if self._writer is not None and self.pair(self._writer)[0] + len(drafts) > SEQ_MAX:
            self._writer = None
        if self._writer is None:
            self._writer = (self.replica or secrets.token_bytes(8)) + secrets.token_bytes(8)
        start = self.pair(self._writer)[0]
        rows = tuple(
            Row(start + count, draft.kind, *self._clock.send(), draft.key, draft.value, draft.collection, draft.context, draft.keeps)
            for count, draft in enumerate(drafts, 1)
        )
        return encoded(Block(self._writer, start, start + len(rows), rows, links=self._links() if start == 0 else ()))

    def _links(self) -> tuple[Dot, ...]:
        """F-34."""
        last = {writer: self.complete(writer) for writer in reversed(self.own) if self.complete(writer) > 0}
        return tuple(self.lineage.without_implied(last).items())[:LINKS_MAX]

    def append(self, blocks: Sequence[Block], change: Change | None, is_local: bool = False) -> None:
        """Adds one frame. It is on the device, where the log has a file, before anything shows it."""
        with self.lock:
            previous = self.frames[-1].id if self.frames else bytes(16)
            frame = Frame(len(self.frames) + 1, secrets.token_bytes(16), previous, is_local, tuple(blocks), change)
            if self._file:
                self._file.append(encode_frame(frame))
            self.take(frame)
            if change is not None and change.offset is not None:
                self._set_clock()
            else:
                self._clock.receive((row.millis, row.counter) for block in blocks for row in block.rows)

    def close(self) -> None:
        if self._file:
            self._file.close()

    # ---- folding --------------------------------------------------------------------------------------------------------------------------

    def take(self, frame: Frame) -> None:
        """Folds the next frame (F-39)."""
        check(frame.position == len(self.frames) + 1 and frame.previous == (self.frames[-1].id if self.frames else bytes(16)), "F-29")
        self.frames.append(frame)
        news = [self.lineage.add(block.writer, block.links) for block in frame.blocks if block.start == 0]
        if any(news):
            self._implied = {}
            for writer in self._entries:
                self._imply(writer)
        for block in frame.blocks:
            self._fold(block)
            if frame.is_local:
                self.own[block.writer] = None
        if any(news):
            self.records.judge_again()
        if frame.change is not None:
            self._fold_change(frame.change, frame.blocks)

    def _fold(self, block: Block) -> None:
        """F-40."""
        seq, withheld = self.pair(block.writer)
        if block.start > seq:
            raise Damaged("F-40")
        listed = set()
        for row in block.rows:
            listed.add(row.seq)
            if (row.seq > seq or row.seq in withheld) and is_version(row):
                self.records.fold(Version(block.writer, row))
        left = frozenset(each for each in withheld if each not in listed) | frozenset(each for each in block.withheld if each > seq)
        self._entries[block.writer] = (max(seq, block.to), left)
        self._imply(block.writer)

    def _imply(self, writer: bytes) -> None:
        for other, seq in self.lineage.chain(writer).items():
            self._implied[other] = max(seq, self._implied.get(other, 0))

    def _fold_change(self, change: Change, blocks: Sequence[Block]) -> None:
        """F-62."""
        known = self.known(change.remote)
        if change.is_restart:
            known.vector, known.has_caught_up = {}, False
        reached = [(block.writer, block.to) for block in blocks] if change.cursor is not None and not change.is_restart else []
        for dot in [*reached, *change.ranges]:
            if not self.lineage.is_under(dot, known.vector):
                known.vector[dot[0]] = dot[1]
        known.refused.update({(writer, seq): code for writer, seq, code, _ in change.refused})
        self.dead.update(change.dead)
        known.cursor = change.cursor if change.cursor is not None else known.cursor
        known.offset = change.offset if change.offset is not None else known.offset
        known.has_caught_up = known.has_caught_up or change.has_caught_up

    def _stamps(self) -> Iterable[Stamp]:
        return ((row.millis, row.counter) for frame in self.frames for block in frame.blocks for row in block.rows)

    def _set_clock(self) -> None:
        self._clock.set_offset(max((known.offset for known in self._known.values()), default=0), self._stamps())
