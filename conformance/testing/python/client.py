"""A client of the sync protocol, written from protocol/SPEC.md and docs/format.md with Python's standard library alone: it is there to prove that the
two pages suffice. It does what it is told in lines of JSON on its standard input, and answers each on its standard output.

    python3 client.py
    {"id": 1, "command": "describe"}    ─▶    {"id": 1, "name": …, "version": …, "capabilities": […]}

    wire, blocks        bytes of values, messages, operation blocks      server_calls, answers    one request, and what may be believed of its answer
    records, frames     versions of records; frames and their file       pushes, cycle            what a push brings; one try to sync
    device_log          the log, with all that is folded from it         waits, hints, engine     when to try
"""
from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

sys.dont_write_bytecode = True  # a folder of sources stays one

from blocks import DELETE, PUT
from cycle import Cycle
from device_log import DeviceLog
from engine import Engine
from records import TooManyVersions, Version
from server_calls import Server
from wire import Big, Damaged, Instant, TooNew, decode_value, encode, is_value

CAPABILITIES = ["durable", "live", "gzip", "dead-letters"]
KEY_BYTES_MAX = 1024
Given = dict[str, Any]
Answer = dict[str, Any]
Member = TypeVar("Member")


class CommandFailed(Exception):
    """A command that was not done, with a code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class OpenStore:
    """A store that is open: its log, and what syncs it."""

    def __init__(self, folder: str, server: Server) -> None:
        self.log = DeviceLog(folder)
        self.engine = Engine(Cycle(self.log, server), server)

    def close(self) -> None:
        self.engine.stop()
        self.log.close()


class Client:
    """Commands by name."""

    def __init__(self) -> None:
        self._store: OpenStore | None = None

    def do(self, command: str, given: Given) -> Answer:
        act: Callable[[Given], Answer | None] | None = getattr(self, f"on_{command}", None)
        if act is None:
            raise CommandFailed("unknown_command", f"there is no command {json.dumps(command)}")
        return act(given) or {}

    @property
    def store(self) -> OpenStore:
        if self._store is None:
            raise CommandFailed("not_open", "no store is open")
        return self._store

    def on_describe(self, _: Given) -> Answer:
        return {"name": "client in Python", "version": "1", "capabilities": CAPABILITIES}

    def on_open(self, given: Given) -> None:
        if self._store is not None:
            raise CommandFailed("already_open", "a store is open; close it first")
        tokens = [_member({"token": token}, "token", str) for token in _member(given, "tokens", list)]
        try:
            server = Server(_member(given, "server", str), _member(given, "store", str), tokens, _member(given, "timeoutMillis", int))
            self._store = OpenStore(_member(given, "folder", str), server)
        except ValueError as error:
            raise CommandFailed("invalid_command", str(error)) from None
        except (Damaged, TooNew) as rule:
            raise CommandFailed("damaged", f"the log cannot be read ({rule})") from None

    def on_put(self, given: Given) -> None:
        if "value" not in given:
            raise CommandFailed("invalid_command", "there is no value")
        try:
            value = encode(given["value"])
        except (Damaged, OverflowError, RecursionError):
            value = b""
        if not is_value(value):
            raise CommandFailed("invalid_value", "the value is none of the profile")
        self._write(PUT, given, value)

    def on_delete(self, given: Given) -> None:
        self._write(DELETE, given, None)

    def on_get(self, given: Given) -> Answer:
        store, key = self.store, _key(given)
        with store.log.lock:
            versions = store.log.records.siblings(("", key))
        shown = [_shown(version) for version in versions]
        found = bool(versions) and versions[0].value is not None
        return {"found": found, **({"value": shown[0]} if found else {}), "versions": shown}

    def on_list(self, _: Given) -> Answer:
        records = self.store.log.records
        with self.store.log.lock:
            first = [records.siblings(name)[0] for name in sorted(records.names()) if name[0] == ""]
        return {"records": {_text(version.row.key): _shown(version) for version in first if version.value is not None}}

    def on_sync(self, _: Given) -> Answer:
        failure = self.store.engine.sync()
        return {"state": "up_to_date"} if failure is None else {"state": "failed", "error": failure.code, "message": str(failure)}

    def on_start(self, given: Given) -> None:
        self.store.engine.start(_member(given, "intervalMillis", int))

    def on_stop(self, _: Given) -> None:
        self.store.engine.stop()

    def on_status(self, _: Given) -> Answer:
        engine = self.store.engine
        letters = [{"key": _text(version.row.key), "code": code} for version, code in engine.cycle.dead_letters()]
        return {"pending": engine.cycle.pending(), "deadLetters": letters, "isStopped": engine.is_stopped, "lastError": engine.last_error}

    def on_close(self, _: Given) -> None:
        self.store.close()
        self._store = None

    def _write(self, kind: int, given: Given, value: bytes | None) -> None:
        store, key = self.store, _key(given)
        try:
            store.log.put(kind, key, value)
        except TooManyVersions:
            raise CommandFailed("too_many_versions", "the record has more open versions than a write can name") from None
        store.engine.tell()


def _member(given: Given, name: str, kind: type[Member]) -> Member:
    value = given.get(name)
    if type(value) is not kind:
        raise CommandFailed("invalid_command", f"{name} is no {kind.__name__}")
    return value


def _key(given: Given) -> bytes:
    try:
        key = _member(given, "key", str).encode("utf-8")
    except UnicodeEncodeError:
        key = b""
    if not 1 <= len(key) <= KEY_BYTES_MAX:
        raise CommandFailed("invalid_key", f"a key is well-formed text of 1 to {KEY_BYTES_MAX} bytes")
    return key


def _text(key: bytes) -> str:
    return key.decode("utf-8", "replace")


def _shown(version: Version) -> Any:
    """The value of a version as JSON; null where it has none, and for one that cannot be read (F-8)."""
    if version.value is None:
        return None
    try:
        return _plain(decode_value(version.value))
    except Damaged:
        return {"$damaged": version.value.hex()}


def _plain(value: Any) -> Any:
    """What JSON has no word for, as the vectors write it (format, section 10)."""
    if isinstance(value, Big):
        return {"$bigint": str(value)}
    if isinstance(value, Instant):
        return {"$date": int(value)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, float) and value - value != 0:
        return {"$number": str(value)}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _answer(client: Client, line: bytes) -> Answer:
    try:
        given = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return {"id": None, "error": {"code": "invalid_command", "message": str(error)}}
    answer: Answer = {"id": given.get("id")}
    try:
        answer.update(client.do(str(given.get("command")), given))
    except CommandFailed as failed:
        answer["error"] = {"code": failed.code, "message": str(failed)}
    except OSError as error:
        answer["error"] = {"code": "storage_failed", "message": str(error)}
    return answer


def main() -> None:
    """Answers each line until there is none."""
    client = Client()
    for line in sys.stdin.buffer:
        print(json.dumps(_answer(client, line)), flush=True)


if __name__ == "__main__":
    main()
