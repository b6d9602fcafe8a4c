"""Versions of records: what continues what (docs/format.md, section 5), and what supersedes what (section 6). Collections are shown by the first
default setting, last-write-wins. The rules that a line follows stand behind it.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from blocks import CHOICE, ENTRIES_MAX, Dot, Row, Vector

Name = tuple[str, bytes]
"""Collection and key of a record (F-41)."""


class Lineage:
    """The links of writers, and their chains (F-36)."""

    def __init__(self) -> None:
        self._links: dict[bytes, Sequence[Dot]] = {}
        self._chains: dict[bytes, Vector] = {}

    def add(self, writer: bytes, links: Sequence[Dot]) -> bool:
        """Takes the links of a writer's first block; answers whether they are news."""
        if writer in self._links:
            return False
        self._links[writer] = links
        self._chains.clear()
        return len(links) > 0

    def chain(self, writer: bytes) -> Vector:
        """All that the writer's links name, and so on: per writer the greatest seq."""
        if writer not in self._chains:
            chain: Vector = {}
            met, left = {writer}, [writer]
            while left:
                for linked, seq in self._links.get(left.pop(), ()):
                    chain[linked] = max(seq, chain.get(linked, 0))
                    if linked not in met:
                        met.add(linked)
                        left.append(linked)
            self._chains[writer] = chain
        return self._chains[writer]

    def reach(self, writer: bytes, vector: Vector) -> int:
        """The greatest seq of a writer that is under a vector; 0 for none (F-37)."""
        return max(vector.get(writer, 0), max((self.chain(each).get(writer, 0) for each in vector), default=0))

    def is_under(self, dot: Dot, vector: Vector) -> bool:
        return vector.get(dot[0], 0) >= dot[1] or self.reach(dot[0], vector) >= dot[1]

    def without_implied(self, vector: Vector) -> Vector:
        """The same vector without entries that others imply."""
        return {
            writer: seq for writer, seq in vector.items()
            if not any(self.chain(other).get(writer, 0) >= seq for other in vector if other != writer)
        }


@dataclass(frozen=True)
class Version:
    """One write of a record."""

    writer: bytes
    row: Row

    @property
    def dot(self) -> Dot:
        return self.writer, self.row.seq

    @property
    def order(self) -> tuple[int, int, bytes, int]:
        """F-43."""
        return self.row.millis, self.row.counter, self.writer, self.row.seq

    @property
    def name(self) -> Name:
        return self.row.collection, self.row.key

    @property
    def value(self) -> bytes | None:
        """Its encoded value; None shows no record."""
        return self.row.value or None


class TooManyVersions(Exception):
    """A write would name more than a block can hold (F-49)."""


class Records:
    """The versions of every record: those that no other one supersedes."""

    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self._versions: dict[Name, list[Version]] = {}
        self._live: dict[Dot, Version] = {}

    def names(self) -> Iterable[Name]:
        return self._versions.keys()

    def siblings(self, name: Name) -> list[Version]:
        """The versions of a record, the shown one first: without a setting that is the greatest (F-43, F-67)."""
        return sorted(self._versions.get(name, ()), key=lambda version: version.order, reverse=True)

    def live(self, dot: Dot) -> Version | None:
        """The version that an operation made, if nothing has superseded it."""
        return self._live.get(dot)

    def fold(self, version: Version) -> None:
        """F-45."""
        versions = self._versions.setdefault(version.name, [])
        if any(each.dot == version.dot or self._supersedes(each, version) for each in versions):
            return
        for each in [each for each in versions if self._supersedes(version, each)]:
            versions.remove(each)
            del self._live[each.dot]
        versions.append(version)
        self._live[version.dot] = version

    def judge_again(self) -> None:
        """F-47, when links were news."""
        for versions in [versions for versions in self._versions.values() if len(versions) > 1]:
            again = versions.copy()
            versions.clear()
            for version in again:
                del self._live[version.dot]
            for version in again:
                self.fold(version)

    def context_for(self, replaced: Sequence[Version]) -> tuple[Vector, tuple[Dot, ...]]:
        """`context` and `keeps` of a write that replaces these versions of one record (F-46)."""
        if not replaced:
            return {}, ()
        context: Vector = {}
        for version in replaced:
            for writer, seq in [*version.row.context.items(), version.dot]:
                context[writer] = max(seq, context.get(writer, 0))
        context = self._lineage.without_implied(context)
        others = [each for each in self._versions[replaced[0].name] if each not in replaced]
        left_open = [dot for each in others for dot in (each.row.settles or {}).items()] + [dot for each in replaced for dot in each.row.keeps]
        keeps = {each.dot: None for each in others}
        for dot in left_open:
            if self._lineage.is_under(dot, context) and not any(each.dot == dot or self.covers(each.row, dot) for each in replaced):
                keeps[dot] = None
        if max(len(context), len(keeps)) > ENTRIES_MAX:
            raise TooManyVersions
        return context, tuple(keeps)

    def covers(self, row: Row, dot: Dot) -> bool:
        """F-42."""
        return dot not in row.keeps and self._lineage.is_under(dot, row.context)

    def _supersedes(self, a: Version, b: Version) -> bool:
        """F-44."""
        if self.covers(a.row, b.dot):
            return True
        if b.row.kind != CHOICE or self.covers(b.row, a.dot) or b.dot in a.row.keeps or any(self.covers(b.row, dot) for dot in a.row.keeps):
            return False
        settled, seen = b.row.settles or {}, a.row.settles if a.row.kind == CHOICE else a.row.context
        if not self._is_all_under(settled, seen or {}):
            return False
        return a.row.kind != CHOICE or not self._is_all_under(a.row.settles or {}, settled) or a.order > b.order

    def _is_all_under(self, vector: Vector, other: Vector) -> bool:
        return all(self._lineage.is_under(dot, other) for dot in vector.items())


def is_version(row: Row) -> bool:
    """Whether an operation makes a version of a record at all (F-20)."""
    return row.kind <= CHOICE
