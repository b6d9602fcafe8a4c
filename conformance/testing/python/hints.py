"""Hints of a server: they say that there may be something to pull, and nothing else (protocol/SPEC.md, section 7, W-63).

    a try went well, "live" is in use ─▶ watch, again and again ─▶ three streams in a row ended at once ─▶ wait, again and again
"""
from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

from cycle import Cycle
from server_calls import Failure, Server
from waits import random_wait
from wire import START, Cursor, Fields, Malformed

QUIET_SECONDS_MAX = 45
SHORT_SECONDS, SHORT_STREAMS_MAX = 1, 3
WAIT_MILLIS = 25_000
EVENT_BYTES_MAX = 65_536
LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
HEAD = re.compile(r"(0|[1-9][0-9]{0,15}) ([0-9a-f]{32})")


def read_events(pieces: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Name and data of the events of a stream, as the standard of HTML reads them; what is longer than any hint ends the stream."""
    rest, name = b"", ""
    data: list[str] = []
    for count, piece in enumerate(pieces):
        *lines, rest = LINE_END.split(rest + (piece.removeprefix(BYTE_ORDER_MARK) if count == 0 else piece))
        for line in lines:
            field, _, value = line.decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if line == b"":
                if data:
                    yield name, "\n".join(data)
                name, data = "", []
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if len(rest) + sum(map(len, data)) > EVENT_BYTES_MAX:
            return


def read_head(data: str) -> Cursor | None:
    """The head that an event tells, if it tells one (W-48)."""
    told = HEAD.fullmatch(data)
    if told is None:
        return None
    head = (int(told[1]), bytes.fromhex(told[2]))
    return head if head[0] < 2 ** 53 and (head[0] > 0 or head == START) else None


class Hints:
    """Listens while a client is started; `tell` is called whenever there may be something to pull."""

    def __init__(self, server: Server, cycle: Cycle, tell: Callable[[], None]) -> None:
        self._server, self._cycle, self._tell = server, cycle, tell
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._is_on = self._is_ended = False

    def start(self) -> None:
        """Listens from the next try on that goes well."""
        self._is_on = self._is_ended = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it; the server was interrupted before."""
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def go_on(self) -> None:
        """A try went well."""
        with self._changed:
            self._is_on = True
            self._changed.notify_all()

    def hold(self) -> None:
        """Asks for nothing more until a try goes well."""
        self._is_on = False

    def _listen(self) -> None:
        failures = short = 0
        while self._may_ask():
            if "live" not in self._server.features:
                self.hold()
                continue
            began, floor, is_stream = time.monotonic(), 0.0, short < SHORT_STREAMS_MAX
            try:
                if is_stream:
                    self._watch()
                else:
                    self._wait()
                failures = 0
            except Failure as failure:
                failures, floor = failures + 1, failure.floor_millis / 1000
                if not failure.may_pass:
                    self.hold()  # a try finds out what is to be done
            is_short = time.monotonic() - began < SHORT_SECONDS
            if is_stream:
                short = short + 1 if is_short else 0
                self._tell()  # of whatever no stream told
            if is_stream or is_short:
                self._pause(max(random_wait(max(failures, short)), floor))

    def _may_ask(self) -> bool:
        """Waits until it is on; answers whether it has not ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_on or self._is_ended)
            return not self._is_ended

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_ended, seconds)

    def _watch(self) -> None:
        """Listens to one stream until it ends."""
        told: Cursor | None = None
        for name, data in read_events(self._server.watch(self._cycle.replica, QUIET_SECONDS_MAX)):
            head = read_head(data) if name == "head" else None
            if head not in (None, told, self._cycle.cursor):
                told = head
                self._tell()

    def _wait(self) -> None:
        """Asks for one hint (W-49); behind one that tells anything new, a try has to go well before the next one."""
        cursor = self._cycle.cursor
        fields, _ = self._server.ask("wait", self._cycle.replica, {"cursor": cursor, "waitMillis": WAIT_MILLIS}, more_seconds=WAIT_MILLIS / 1000)
        if _head_of(fields) not in (None, cursor):
            self.hold()
            self._tell()


def _head_of(fields: Fields) -> Cursor | None:
    try:
        return fields.cursor("head") if fields.text("type", 64) == "head" else None
    except Malformed:
        return None
