"""When a client tries: at a command, or by itself with the waits of W-61. The rules that a line follows stand behind it."""
from __future__ import annotations

import threading
import time

from cycle import Cycle
from hints import Hints
from server_calls import Failure, Server
from waits import random_wait

HINT_SECONDS, HINT_SECONDS_MAX = 0.05, 5.0
"""The pause before the next hint is heeded, behind one that told nothing new; it doubles with each."""
AT_ONCE = ("unsupported_version", "unauthenticated")
"""What is not tried once more: W-20, and W-70 with the token asked for already."""


class Engine:
    """Tries of one store, and what came of the latest."""

    def __init__(self, cycle: Cycle, server: Server) -> None:
        self.cycle, self._server = cycle, server
        self._thread: threading.Thread | None = None
        self._hints = Hints(server, cycle, self._heed)
        self._changed = threading.Condition()
        self._is_ending = self._has_news = self._has_hint = False
        self._vain_hints = 0
        self._heeds_from = 0.0
        self._error: str | None = None
        self._push_error: str | None = None
        self._forget()

    def _forget(self) -> None:
        """Begins to count anew."""
        self._failures = self._hard = self._hard_pushes = 0
        self._is_given_up = False
        self._not_before = 0.0

    @property
    def last_error(self) -> str | None:
        """What went wrong last and has not gone well since."""
        return self._error or self._push_error

    @property
    def is_stopped(self) -> bool:
        """Whether it is started and tries no more until something changes."""
        return self._thread is not None and self._is_given_up

    def sync(self) -> Failure | None:
        """One try now; answers what it failed with."""
        return self._try(is_pushing=True)

    def start(self, interval_millis: int) -> None:
        """Tries from now on: at once, after writes, and after each interval."""
        self.stop()
        self._forget()
        self._has_news = self._has_hint = False
        self._thread = threading.Thread(target=self._work, args=[interval_millis / 1000], daemon=True)
        self._thread.start()
        self._hints.start()

    def stop(self) -> None:
        """Ends that; nothing is sent once this returns."""
        if self._thread is None:
            return
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        self._server.interrupt()
        self._hints.stop()
        self._thread.join()
        self._thread, self._is_ending = None, False
        self._server.resume()

    def tell(self) -> None:
        """There is something new to sync."""
        with self._changed:
            self._has_news = True
            self._changed.notify_all()

    def _heed(self) -> None:
        """There may be something new at the server."""
        with self._changed:
            self._has_hint = True
            self._changed.notify_all()

    def _try(self, is_pushing: bool) -> Failure | None:
        try:
            try:
                self.cycle.run(is_pushing)
            except OSError as error:
                raise Failure("storage_failed", str(error), "after_action") from error
        except Failure as failure:
            if not self._is_ending:  # else it was broken off
                self._note(failure)
            return failure
        with self._changed:
            if is_pushing:
                self._forget()
                self._push_error = None
            self._failures = self._hard = 0
            self._error = None
            self._changed.notify_all()
        self._hints.go_on()
        return None

    def _note(self, failure: Failure) -> None:
        """W-61: what may pass is tried after a random time, and not before the floor; all else once more. Where pushes alone fail, pulls go on."""
        with self._changed:
            if failure.is_of_push_alone and not failure.may_pass:
                self._push_error, self._error = failure.code, None
                self._hard_pushes += 1
                self._failures = self._hard = 0
                return
            self._error = failure.code
            self._failures += 1
            self._hard = 0 if failure.may_pass else self._hard + 1
            self._is_given_up = self._hard > 1 or failure.code in AT_ONCE
            if self._is_given_up:
                self._hints.hold()
            self._not_before = time.monotonic() + max(random_wait(self._failures), failure.floor_millis / 1000)

    def _work(self, interval: float) -> None:
        wait = 0.0
        while self._wait(wait):
            with self._changed:
                is_hinted, self._has_news, self._has_hint = self._has_hint, False, False
            cursor = self.cycle.cursor
            self._try(is_pushing=self._hard_pushes <= 1)
            self._judge_hint(is_hinted, self.cycle.cursor != cursor)
            wait = interval

    def _judge_hint(self, is_hinted: bool, has_moved: bool) -> None:
        """Whoever tells of what is not there is heeded less and less: hints may be forged (W-47)."""
        self._vain_hints = 0 if has_moved else self._vain_hints + 1 if is_hinted else self._vain_hints
        self._heeds_from = time.monotonic() + (min(HINT_SECONDS_MAX, HINT_SECONDS * 2 ** min(self._vain_hints, 10)) if self._vain_hints > 0 else 0)

    def _wait(self, interval: float) -> bool:
        """Waits until the next try is due; answers whether there is one."""
        end = time.monotonic() + interval
        with self._changed:
            while not self._is_ending:
                if self._is_given_up:
                    self._changed.wait()
                    continue
                due = self._not_before if self._failures > 0 else 0 if self._has_news else min(end, self._heeds_from) if self._has_hint else end
                left = due - time.monotonic()
                if left <= 0:
                    return True
                self._changed.wait(left)
        return False
