"""Requests of a client to one server, each on a connection of its own, and what may be believed of an answer before anybody reads its fields
(protocol/SPEC.md, sections 2, 9 and 11). The rules that a line follows stand behind it.
"""
from __future__ import annotations

import gzip
import http.client
import ipaddress
import json
import secrets
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from wire import MEDIA_TYPE, MESSAGE_BYTES_MAX, NO_CALL, Damaged, Fields, Malformed, Mangled, decode_message, encode_message

EVENTS_MEDIA_TYPE = "text/event-stream"
FLOOR_MILLIS_MAX = 3_600_000
ZIPPED_FROM_BYTES = 1024
CODE = "abcdefghijklmnopqrstuvwxyz0123456789_"
RETRIES = {  # W-55
    "invalid_request": "never", "body_damaged": "later", "version_mismatch": "never", "unsupported_feature": "never",
    "unauthenticated": "after_action", "forbidden": "after_action", "store_not_found": "after_action", "request_timeout": "later",
    "body_too_large": "after_action", "batch_too_large": "after_action", "unsupported_encoding": "after_action",
    "unsupported_version": "never", "rate_limited": "later", "internal": "later", "overloaded": "later", "draining": "later",
    "quota_exceeded": "later",
}
CODE_BY_STATUS = {401: "unauthenticated", 403: "forbidden", 413: "body_too_large", 429: "rate_limited", 503: "overloaded"}  # W-6


class Failure(Exception):
    """A request that failed. `retry`: when the same one may be sent again; `floor_millis`: not before. `is_of_push_alone`: the pull behind it went
    well."""

    def __init__(self, code: str, message: str, retry: str = "later", floor_millis: int = 0) -> None:
        super().__init__(message)
        self.code, self.retry, self.floor_millis = code, retry, floor_millis
        self.is_of_push_alone = False

    @property
    def may_pass(self) -> bool:
        """Whether the same request may do better after a while, with nothing changed."""
        return self.retry not in ("never", "after_action")


def network(message: str) -> Failure:
    """No answer came, or what is as if none had come."""
    return Failure("network", message)


def violation(message: str) -> Failure:
    """An answer that cannot be taken (W-65)."""
    return Failure("protocol_violation", message, "after_action")


class Server:
    """One store at one server, asked by one process."""

    def __init__(self, base: str, store: str, tokens: list[str], timeout_millis: int) -> None:
        self._url = urlsplit(base)
        if self._url.scheme not in ("http", "https") or not self._url.hostname or self._url.query or self._url.fragment or base.endswith("/"):
            raise ValueError(f"{json.dumps(base)} is no base of a server")
        if self._url.scheme == "http" and not _is_loopback(self._url.hostname):
            raise ValueError("tokens are sent over https only, or to this machine")  # W-66
        self.name = f"{base} {store}"
        self.features: list[str] = []
        self._store, self._tokens, self._timeout = store, tokens, timeout_millis / 1000
        self._session = secrets.token_bytes(16)
        self._calls = 0
        self._lock = threading.Lock()
        self._wires: set[socket.socket] = set()
        self._is_ended = False

    def take_next_token(self) -> bool:
        """Takes the next token (W-70); answers whether there was one."""
        if len(self._tokens) < 2:
            return False
        self._tokens = self._tokens[1:]
        return True

    def interrupt(self) -> None:
        """Breaks off what is under way; nothing is sent any more until `resume`."""
        with self._lock:
            self._is_ended = True
            wires = list(self._wires)
        for wire in wires:
            _cut(wire)

    def resume(self) -> None:
        self._is_ended = False

    def ask(
        self, route: str, replica: bytes | None, fields: dict[str, Any], parts: list[bytes] | None = None, more_seconds: float = 0
    ) -> tuple[Fields, list[bytes]]:
        """Sends a request; answers fields and operation blocks of what came back for it, if that is no error. `more_seconds`: how long the server may
        wait before it answers."""
        call, message = self._message(replica, fields, parts or [])
        end = time.monotonic() + self._timeout + more_seconds
        with self._exchange(route, message, self._timeout + more_seconds) as (response, _):
            return _read_answer(response, call, end)

    def watch(self, replica: bytes | None, quiet_seconds: float) -> Iterator[bytes]:
        """The pieces of a stream of hints, until it ends or nothing has come for so long (W-48, W-63)."""
        call, message = self._message(replica, {}, [])
        with self._exchange("watch", message, self._timeout) as (response, is_there):
            if response.status != 200 or _media_type(response) != EVENTS_MEDIA_TYPE:
                _read_answer(response, call, time.monotonic() + self._timeout)
                raise network("a stream of hints was asked for, and a message came")
            is_there(quiet_seconds)
            while piece := response.read1(8192):
                yield piece

    def _message(self, replica: bytes | None, fields: dict[str, Any], parts: list[bytes]) -> tuple[bytes, bytes]:
        with self._lock:
            self._calls += 1
            call = self._session[:8] + self._calls.to_bytes(8, "big")
        all_fields = {
            "protocol": 1, "store": self._store, "session": self._session, "replica": replica, "accept": ["gzip"], "features": ["gzip", "live"],
        }
        return call, encode_message({**all_fields, **fields}, call, parts)

    @contextmanager
    def _exchange(self, route: str, body: bytes, seconds: float) -> Iterator[tuple[http.client.HTTPResponse, Callable[[float], None]]]:
        """Sends a request; all of its answer has to come within this time, unless who reads it says that other pauses count from now on."""
        headers = {"Content-Type": MEDIA_TYPE, "Authorization": f"Bearer {self._tokens[0]}", "Connection": "close"}
        if "gzip" in self.features and len(body) >= ZIPPED_FROM_BYTES:
            body, headers["Content-Encoding"] = gzip.compress(body, 6), "gzip"
        connection, wire, late = self._connect(seconds), None, None
        try:
            connection.connect()
            wire = connection.sock
            late = threading.Timer(seconds, _cut, [wire])
            late.daemon = True
            late.start()
            with self._lock:
                if self._is_ended:
                    raise network("it was broken off")
                self._wires.add(wire)
            connection.putrequest("POST", f"{self._url.path}/v1/{route}", skip_accept_encoding=True)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders(body)

            def pause_at_most(quiet_seconds: float) -> None:
                late.cancel()
                wire.settimeout(quiet_seconds)

            with connection.getresponse() as response:
                yield response, pause_at_most
        except (OSError, http.client.HTTPException) as error:
            raise network(f"{type(error).__name__}: {error}") from error
        finally:
            if late is not None:
                late.cancel()
            self._wires.discard(wire)
            connection.close()

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        if self._url.scheme == "http":
            return http.client.HTTPConnection(self._url.netloc, timeout=seconds)
        return http.client.HTTPSConnection(self._url.netloc, timeout=seconds, context=ssl.create_default_context())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cut(wire: socket.socket) -> None:
    try:
        wire.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself


def _media_type(response: http.client.HTTPResponse) -> str:
    return (response.headers.get("content-type") or "").split(";")[0].strip().lower()


def _read(response: http.client.HTTPResponse, end: float) -> bytes:
    """The body, as long as it is within the limits of bytes and time (W-64)."""
    body = bytearray()
    while piece := response.read1(65_536):
        body += piece
        if len(body) > MESSAGE_BYTES_MAX:
            raise violation("an answer is longer than a message")
        if time.monotonic() > end:
            raise network("an answer takes too long")
    if response.length:
        raise network("an answer broke off")
    return bytes(body)


def _inflated(body: bytes, headers: http.client.HTTPMessage) -> bytes:
    """The body without its layer of gzip, counted while it comes out (W-10)."""
    encoding = (headers.get("content-encoding") or "").strip().lower()
    if encoding == "":
        return body
    if encoding != "gzip":
        raise network("an answer has an encoding that was not asked for")
    inflater = zlib.decompressobj(31)
    try:
        data = inflater.decompress(body, MESSAGE_BYTES_MAX + 1)
    except zlib.error:
        raise network("an answer is no gzip") from None
    if len(data) > MESSAGE_BYTES_MAX:
        raise violation("an answer is longer than a message once it is inflated")
    if not inflater.eof or inflater.unused_data:
        raise network("an answer is not one layer of gzip")
    return data


def _read_answer(response: http.client.HTTPResponse, call: bytes, end: float) -> tuple[Fields, list[bytes]]:
    headers, status = response.headers, response.status
    body = _inflated(_read(response, end), headers)
    if _media_type(response) != MEDIA_TYPE:
        if status not in CODE_BY_STATUS:
            raise network(f"no message of this protocol came, but a page with status {status}")
        code = CODE_BY_STATUS[status]
        raise Failure(code, f"an answer with status {status}", RETRIES[code], _floor(headers))
    try:
        members, parts, answered = decode_message(body)
    except Mangled as mangled:
        raise network(str(mangled)) from None  # W-13
    except Damaged as rule:
        raise violation(f"an answer is no message ({rule})") from None
    fields = Fields(members)
    try:
        is_error = fields.text("type", 64) == "error"
        if answered != call and not (is_error and answered == NO_CALL):
            raise network("an answer is to another request")
        if is_error:
            raise read_error(fields, _floor(headers))
    except Malformed as malformed:
        raise violation(f"an answer: {malformed}") from None
    if status != 200:
        raise network(f"a message with status {status} is no answer")  # W-7
    if any(kind != 1 and kind < 128 for kind, _ in parts):
        raise violation("an answer has a part of a feature that is not in use")  # W-16
    return fields, [content for kind, content in parts if kind == 1]


def read_error(fields: Fields, floor_millis: int = 0) -> Failure:
    """W-54, W-57: the code decides; of one that is not known, what it says of retries."""
    code, message, retry = fields.text("code", 64), fields.text("message", 1000, 0), fields.text("retry", 64)
    if not code[0].isalpha() or any(each not in CODE for each in code):
        fields.fail("code", "is none")
    if fields.has("details") and not isinstance(fields.members["details"], dict):
        fields.fail("details", "are no map")
    floor = fields.integer("retryAfterMillis") if fields.has("retryAfterMillis") else 0
    return Failure(code, message, RETRIES.get(code, retry), min(max(floor, floor_millis), FLOOR_MILLIS_MAX))


def _floor(headers: http.client.HTTPMessage) -> int:
    """Milliseconds of a `Retry-After` in seconds; 0 for none."""
    seconds = (headers.get("retry-after") or "").strip()
    return min(int(seconds) * 1000, FLOOR_MILLIS_MAX) if seconds.isdecimal() and len(seconds) < 10 else 0
