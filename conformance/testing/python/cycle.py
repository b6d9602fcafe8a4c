"""One try to bring a log and a store of a server to the same content: handshake, pushes and pulls (protocol/SPEC.md, sections 4 to 6 and 10). What is
known of the server lies in the log, but for the limits of its handshake and for its latest `ok`s. The rules that a line follows stand behind it.

    no page was up to date yet: pull     then: push what it lacks, pull, until nothing is left
"""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from answers import Forbidden, Handshake, Page, Refused, Restart, Taken, Unknown, read_handshake, read_pull, read_push
from blocks import DELETE, PUT, Block, Dot
from device_log import DeviceLog, Draft, Known, Pair
from frames import Change, Refusal
from pushes import PushPlan, Room
from records import Version
from server_calls import Failure, Server, violation
from wire import PARTS_BYTES_MAX, Cursor, Fields, Malformed, now

ANEW = ("clock_ahead", "writer_not_owned")
"""Refusals that their author answers with a new operation (W-35)."""
WITHHELD = "withheld"
ANEW_BYTES_MAX = 2_000_000
WRITERS_MAX = 4096
ROUNDS_MAX = 4
"""How often one try begins again because the server refuses what was just written anew, restarts, or does not know what it has told."""
EMPTY_PAGES_MAX = 100
"""How many pages in a row may bring nothing and still not be the last."""
HANDSHAKE_SECONDS_MAX = 3600
AGAIN = ("unauthenticated", "forbidden", "store_not_found", "unsupported_version", "version_mismatch", "unsupported_feature", "unsupported_encoding")
"""Codes behind which the next try asks again what the server is like."""

Read = TypeVar("Read")


class Cycle:
    """Tries of one log at one server, one at a time."""

    def __init__(self, log: DeviceLog, server: Server) -> None:
        self._log, self._server = log, server
        self._lock = threading.Lock()
        self._handshake: Handshake | None = None
        self._handshake_at = 0.0
        self._acks: dict[bytes, Pair] = {}
        self._last: Cursor | None = None
        self._left_out: set[bytes] = set()
        self._brings_own_alone = False
        self._frames_max: int | None = None
        self._has_new_token = False
        self._rounds = 0
        self._began: dict[bytes, int] = {}

    def run(self, is_pushing: bool) -> None:
        """Does all that is to be done, or raises the first failure. A push that fails does not keep the pull from being sent (W-59)."""
        with self._lock:
            self._has_new_token, self._rounds = False, 0
            self._began = {writer: self._log.pair(writer)[0] for writer in list(self._log.own)}
            try:
                self._run(is_pushing)
            except Failure as failure:
                if failure.code in AGAIN:
                    self._handshake = None
                raise

    @property
    def cursor(self) -> Cursor:
        """How far pulling has come."""
        return self._known.cursor

    @property
    def replica(self) -> bytes | None:
        return self._log.replica

    def pending(self) -> int:
        """Operations of the log that the server is not known to have, those that it refused left out."""
        with self._log.lock:
            pairs: dict[bytes, Pair] = {}
            pending: set[Dot] = set()
            for frame in self._log.frames:
                for block in frame.blocks:
                    if block.writer not in pairs:
                        pairs[block.writer] = self._pair(block.writer)
                    seq, withheld = pairs[block.writer]
                    pending.update((block.writer, row.seq) for row in block.rows if row.seq > seq or row.seq in withheld)
            return len(pending - self._known.refused.keys())

    def dead_letters(self) -> list[tuple[Version, str]]:
        """Refused operations that nobody has answered yet, with their codes."""
        with self._log.lock:
            letters = [(self._log.records.live(dot), code) for dot, code in self._known.refused.items() if dot in self._log.dead]
            return [(version, code) for version, code in letters if version is not None]

    @property
    def _known(self) -> Known:
        return self._log.known(self._server.name)

    def _change(self, **members: Any) -> Change:
        return Change(self._server.name, **members)

    def _pair(self, writer: bytes) -> Pair:
        """What the server is known to have of a writer (W-46)."""
        return self._acks.get(writer) or (self._log.lineage.reach(writer, self._known.vector), frozenset())

    def _run(self, is_pushing: bool) -> None:
        if self._handshake is None or time.monotonic() > self._handshake_at + HANDSHAKE_SECONDS_MAX:
            self._shake_hands()
        self._answer_withheld()
        while True:
            trouble: Failure | None = None
            if is_pushing and self._known.has_caught_up:
                try:
                    self._push_all()
                except Failure as failure:
                    if failure.floor_millis > 0 or failure.code == "unauthenticated":
                        raise
                    trouble = failure
            self._pull_all()
            if trouble is not None:
                trouble.is_of_push_alone = True
                raise trouble
            if not is_pushing or not self._plan():
                return

    def _ask(self, route: str, fields: dict[str, Any], parts: list[bytes] | None, read: Callable[[Fields, list[bytes]], Read]) -> Read:
        """Sends a request; a token that counts no more is replaced once (W-70)."""
        while True:
            try:
                answer = read(*self._server.ask(route, self._log.replica, fields, parts))
                self._has_new_token = False
                return answer
            except Malformed as malformed:
                raise violation(f"an answer to {route}: {malformed}") from None
            except Failure as failure:
                if failure.code != "unauthenticated" or self._has_new_token or not self._server.take_next_token():
                    raise
                self._has_new_token = True

    def _begin_round(self, failure: Failure) -> None:
        """Goes on, unless it did so too often."""
        self._rounds += 1
        if self._rounds > ROUNDS_MAX:
            raise failure

    def _shake_hands(self) -> None:
        self._handshake = self._ask("handshake", {"versions": [1]}, None, read_handshake)
        self._handshake_at = time.monotonic()
        self._server.features = self._handshake.features
        self._left_out, self._frames_max = set(), None
        self._brings_own_alone = "relay" not in self._handshake.rights
        self._note_time(self._handshake.server_millis)

    def _note_time(self, server_millis: int) -> None:
        """A clock that was ahead when a stamp was refused counts again once it has lost half of its lead (W-35)."""
        offset = self._known.offset
        if offset > 0 and now() - server_millis <= offset // 2:
            self._log.append([], self._change(offset=0))

    # ---- push (section 5) -----------------------------------------------------------------------------------------------------------------

    def _may_bring(self, writer: bytes) -> bool:
        """W-36."""
        return writer not in self._left_out and (writer in self._log.own or not self._brings_own_alone)

    def _plan(self) -> list[list[Block]]:
        if self._handshake is None:
            return []
        limits = self._handshake.limits
        room = Room(min(limits["partsBytesMax"], PARTS_BYTES_MAX), limits["partsMax"], limits["operationsMax"], frames=self._frames_max)
        with self._log.lock:
            return PushPlan(self._log.lineage, self._pair, self._known.refused, self._may_bring).plan(self._log.frames, room)

    def _push_all(self) -> None:
        while planned := self._plan():
            if self._handshake is not None and "write" not in self._handshake.rights:
                raise Failure("forbidden", "the right to write is missing", "after_action")
            try:
                answer = self._push([block for blocks in planned for block in blocks])
            except Failure as failure:
                if failure.code not in ("batch_too_large", "body_too_large") or len(planned) == 1:
                    raise
                self._frames_max = len(planned) // 2  # W-62
                continue
            if isinstance(answer, Unknown):
                self._begin_round(Failure("unknown", "the server does not know what this log builds on"))
                return  # not again before a pull was answered (W-37)
            if isinstance(answer, Taken):
                self._acks.update(answer.pairs)
                self._last = answer.last
                self._note_time(answer.server_millis)
            elif isinstance(answer, Forbidden):
                self._left_out.update(answer.writers)
                self._brings_own_alone = True
            else:
                self._take_refused(answer)

    def _push(self, blocks: list[Block]) -> Taken | Refused | Forbidden | Unknown:
        cursor = self._known.cursor
        basis = list(dict.fromkeys([cursor, self._last or cursor]))  # W-29
        own = [writer for writer in dict.fromkeys(block.writer for block in blocks) if writer in self._log.own]
        contents = [block.content for block in blocks]
        return self._ask("push", {"basis": basis, "own": own}, contents, lambda fields, parts: read_push(fields, parts, blocks, basis))

    def _take_refused(self, answer: Refused) -> None:
        """W-35: on record before anything else is sent, with what is written anew in the same frame."""
        with self._log.lock:
            foreign = {writer for writer, _, code, _ in answer.refused if code == "writer_not_owned" and writer not in self._log.own}
            if foreign:
                self._left_out |= foreign
                self._brings_own_alone = True
            if any(code == "writer_not_owned" for writer, _, code, _ in answer.refused if writer not in foreign):
                self._log.leave_writer()
            if any(code in ANEW and seq > self._began.get(writer, 0) for writer, seq, code, _ in answer.refused):
                self._begin_round(Failure(answer.refused[0][2], "the server refuses what was written anew", "after_action"))
            is_ahead = any(code == "clock_ahead" for _, _, code, _ in answer.refused)
            offset = max(now() - answer.server_millis, 0) if is_ahead else None
            refused = [refusal for refusal in answer.refused if refusal[0] not in foreign]
            for refusals in _in_pieces(refused, self._weight):
                dead = tuple((writer, seq) for writer, seq, code, _ in refusals if code not in ANEW)
                drafts = self._anew([(writer, seq) for writer, seq, code, _ in refusals if code in ANEW])
                self._log.write(drafts, self._change(refused=tuple(refusals), dead=dead, offset=offset), offset or 0)

    def _anew(self, dots: Sequence[Dot]) -> list[Draft]:
        """For each operation that is still a version of its record one with the same value that covers it, in the order of their stamps."""
        versions = sorted((version for dot in dots if (version := self._log.records.live(dot))), key=lambda version: version.order)
        return [self._draft(version) for version in versions]

    def _draft(self, version: Version) -> Draft:
        context, keeps = self._log.records.context_for([version])
        row = version.row
        return Draft(DELETE if version.value is None else PUT, row.key, version.value, context, keeps, row.collection)

    def _weight(self, refusal: Refusal) -> int:
        version = self._log.records.live((refusal[0], refusal[1]))
        return 400 + (len(version.row.key) + len(version.value or b"") if version else 0)

    # ---- pull (section 6) -----------------------------------------------------------------------------------------------------------------

    def _pull_all(self) -> None:
        empty = 0
        while (page := self._pull()) is None or not page.is_up_to_date:
            empty = empty + 1 if page is not None and not page.blocks and not page.ranges else 0
            if empty > EMPTY_PAGES_MAX:
                raise violation("page behind page brings nothing and is not the last")

    def _pull(self) -> Page | None:
        """Takes one answer; None for a restart."""
        cursor = self._known.cursor
        have = {writer: self._log.complete(writer) for writer in list(self._log.own)[-WRITERS_MAX:] if self._log.complete(writer) > 0}
        request = {"cursor": cursor, "have": list(have.items()), "partsBytesMax": PARTS_BYTES_MAX}
        answer = self._ask("pull", request, None, lambda fields, parts: read_pull(fields, parts, cursor, have))
        if isinstance(answer, Restart):
            self._begin_round(violation("the server restarts again and again"))
            self._log.append([], self._change(is_restart=True, cursor=answer.at))  # W-44
            self._acks, self._last = {}, None
            return None
        self._take_page(answer)
        if answer.is_up_to_date:
            self._acks, self._last = {}, None  # W-46
        self._note_time(answer.server_millis)
        return answer

    def _take_page(self, page: Page) -> None:
        """W-43: one frame with what brings anything."""
        with self._log.lock:
            known = self._known
            pairs: dict[bytes, Pair] = {}
            brought: list[Block] = []
            ranges: dict[bytes, int] = {}
            refused: list[Refusal] = []
            for writer, seq in page.ranges:
                ranges[writer] = max(seq, ranges.get(writer, 0))
            for block in page.blocks:
                seq, withheld = pairs.get(block.writer) or self._log.pair(block.writer)
                if block.start > seq:
                    raise violation("a page leaves out what this client does not have")
                listed = {row.seq for row in block.rows}
                if block.to > seq or not withheld.isdisjoint(listed):
                    brought.append(block)
                    pairs[block.writer] = (max(seq, block.to), (withheld - listed).union(each for each in block.withheld if each > seq))
                else:
                    ranges[block.writer] = max(block.to, ranges.get(block.writer, 0))
                for number in block.withheld:  # W-45
                    if (block.writer, number) not in known.refused and self._log.records.live((block.writer, number)):
                        refused.append((block.writer, number, WITHHELD, ""))
            has_caught_up = page.is_up_to_date and not known.has_caught_up
            if page.next == known.cursor and not has_caught_up:
                return
            dead = tuple((writer, seq) for writer, seq, _, _ in refused if writer not in self._log.own)
            change = self._change(has_caught_up=has_caught_up, cursor=page.next, ranges=tuple(ranges.items()), refused=tuple(refused), dead=dead)
            self._log.append(brought, change)
            self._answer_withheld()

    def _answer_withheld(self) -> None:
        """Writes anew what the server withholds of this log's own (W-45), now or before the process ended."""
        with self._log.lock:
            mine = [dot for dot, code in self._known.refused.items() if code == WITHHELD and dot[0] in self._log.own and dot not in self._log.dead]
            drafts = self._anew(mine)
            for piece in _in_pieces(drafts, lambda draft: len(draft.key) + len(draft.value or b"") + 400):
                self._log.write(piece)


Item = TypeVar("Item")


def _in_pieces(items: Sequence[Item], weight: Callable[[Item], int]) -> list[list[Item]]:
    """The items in order, in pieces that fit a frame each."""
    pieces: list[list[Item]] = []
    size = ANEW_BYTES_MAX
    for item in items:
        size += weight(item)
        if size > ANEW_BYTES_MAX:
            pieces.append([])
            size = weight(item)
        pieces[-1].append(item)
    return pieces
