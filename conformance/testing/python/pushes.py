"""What a push brings (protocol/SPEC.md, W-28): of each frame of the log, in order, what the server lacks of it."""
from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

from blocks import ROWS_MAX, Block, Dot, Row, encoded
from device_log import Pair
from frames import Frame
from records import Lineage
from wire import PARTS_BYTES_MAX, PARTS_MAX

WITHHELD_MAX = 131_072


@dataclass
class Room:
    """What one push may bring (W-51, W-52)."""

    parts_bytes: int = PARTS_BYTES_MAX
    parts: int = PARTS_MAX
    operations: int = PARTS_MAX * ROWS_MAX
    withheld: int = WITHHELD_MAX
    frames: int | None = None

    def take(self, blocks: Sequence[Block]) -> bool:
        """Whether there was room for one more frame with these blocks; it is used up then."""
        left = Room(
            self.parts_bytes - sum(block.weight for block in blocks),
            self.parts - len(blocks),
            self.operations - sum(len(block.rows) for block in blocks),
            self.withheld - sum(len(block.withheld) for block in blocks),
            None if self.frames is None else self.frames - 1,
        )
        if min(left.parts_bytes, left.parts, left.operations, left.withheld) < 0 or left.frames == -1:
            return False
        self.__dict__.update(left.__dict__)
        return True


class PushPlan:
    """Frames in, blocks out. `pair`: what the server is known to have of a writer; `refused`: what it does not take; `may_bring`: whose it takes."""

    def __init__(self, lineage: Lineage, pair: Callable[[bytes], Pair], refused: Container[Dot], may_bring: Callable[[bytes], bool]) -> None:
        self._lineage, self._pair, self._refused, self._may_bring = lineage, pair, refused, may_bring

    def plan(self, frames: Sequence[Frame], room: Room) -> list[list[Block]]:
        """The first frames of which the server lacks something, each with what it lacks: whole frames, as many as there is room for, at least one."""
        planned: list[list[Block]] = []
        reached: dict[bytes, Pair] = {}
        for frame in frames:
            blocks = self._lacking(frame, reached)
            if blocks:
                has_room = room.take(blocks)
                if not has_room and planned:
                    break
                planned.append(blocks)
                if not has_room:
                    break
                for block in blocks:
                    seq, withheld = self._reached(block.writer, reached)
                    reached[block.writer] = (max(seq, block.to), withheld - {row.seq for row in block.rows})
        return planned

    def _reached(self, writer: bytes, reached: dict[bytes, Pair]) -> Pair:
        return reached[writer] if writer in reached else self._pair(writer)

    def _lacking(self, frame: Frame, reached: dict[bytes, Pair]) -> list[Block]:
        cut = [self._cut(block, *self._reached(block.writer, reached)) for block in frame.blocks if self._may_bring(block.writer)]
        lacking = [block for block in cut if block is not None]
        if len(lacking) == len(frame.blocks) and all(block is whole for block, whole in zip(lacking, frame.blocks)):
            return lacking
        rows = [(block.writer, row) for block in lacking for row in block.rows]
        return [self._without_void(block, rows) for block in lacking]

    def _cut(self, block: Block, seq: int, withheld: frozenset[int]) -> Block | None:
        """What the server lacks of a block, given its pair; None where that is nothing."""
        is_wanted = any(row.seq in withheld and (block.writer, row.seq) not in self._refused for row in block.rows)
        if block.to <= seq and not is_wanted:
            return None
        start = block.start if is_wanted else max(block.start, seq)
        refused = {row.seq for row in block.rows if (block.writer, row.seq) in self._refused}
        if start == block.start and not refused:
            return block
        return replace(
            block,
            start=start,
            rows=tuple(row for row in block.rows if row.seq > start and row.seq not in refused),
            withheld=tuple(sorted(each for each in refused.union(block.withheld) if each > start)),
            links=block.links if start == 0 else (),
            label=block.label if start == 0 else None,
        )

    def _without_void(self, block: Block, rows: Sequence[tuple[bytes, Row]]) -> Block:
        """The block, encoded, with those of its void numbers as withheld that nothing covers of what is sent beside it."""
        named = {row.seq for row in block.rows}.union(block.withheld)
        if len(named) == block.to - block.start:
            return encoded(block)
        reach = [(self._lineage.reach(block.writer, row.context), row.keeps) for _, row in rows]
        bare = [
            number for number in range(block.start + 1, block.to + 1)
            if number not in named and not any(number <= end and (block.writer, number) not in keeps for end, keeps in reach)
        ]
        return encoded(replace(block, withheld=tuple(sorted([*block.withheld, *bare]))))
