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
from typing import Any
from urllib.parse import urlsplit

from wire import MEDIA_TYPE, MESSAGE_BYTES_MAX, NO_CALL, Damaged, Fields, Malformed, Mangled, decode_message, encode_message

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
    """A request that failed. `retry`: when the same one may be sent again; `floor_millis`: not before."""

    def __init__(self, code: str, message: str, retry: str = "later", floor_millis: int = 0) -> None:
        super().__init__(message)
        self.code, self.retry, self.floor_millis = code, retry, floor_millis

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
        self._connections: set[http.client.HTTPConnection] = set()
        self._is_ended = False

    def take_next_token(self) -> bool:
        """Takes the next token (W-70); answers whether there was one."""
        if len(self._tokens) < 2:
            return False
        self._tokens = self._tokens[1:]
        return True

    def interrupt(self) -> None:
        """Breaks off what is under way; nothing is sent any more until `resume`."""
        self._is_ended = True
        for connection in list(self._connections):
            _cut(connection)

    def resume(self) -> None:
        self._is_ended = False

    def ask(self, route: str, replica: bytes | None, fields: dict[str, Any], parts: list[bytes] | None = None) -> tuple[Fields, list[bytes]]:
        """Sends a request; answers fields and operation blocks of what came back for it, if that is no error."""
        self._calls += 1
        call = self._session[:8] + self._calls.to_bytes(8, "big")
        request = {
            "protocol": 1, "store": self._store, "session": self._session, "replica": replica, "accept": ["gzip"], "features": ["gzip", "live"],
            **fields,
        }
        status, headers, body = self._send(route, encode_message(request, call, parts or ()))
        if (headers.get("content-type") or "").split(";")[0].strip().lower() != MEDIA_TYPE:
            raise Failure(CODE_BY_STATUS[status], f"an answer with status {status}", RETRIES[CODE_BY_STATUS[status]], _floor(headers)) \
                if status in CODE_BY_STATUS else network(f"no message of this protocol came, but a page with status {status}")
        answer = _read_answer(body, call, headers)
        if status != 200:
            raise network(f"a message with status {status} is no answer")  # W-7
        return answer

    def _send(self, route: str, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        headers = {"Content-Type": MEDIA_TYPE, "Authorization": f"Bearer {self._tokens[0]}", "Connection": "close"}
        if "gzip" in self.features and len(body) >= ZIPPED_FROM_BYTES:
            body, headers["Content-Encoding"] = gzip.compress(body, 6), "gzip"
        end = time.monotonic() + self._timeout
        connection = self._connect()
        late = threading.Timer(self._timeout, _cut, [connection])
        late.daemon = True
        self._connections.add(connection)
        late.start()
        try:
            if self._is_ended:
                raise network("it was broken off")
            connection.putrequest("POST", f"{self._url.path}/v1/{route}", skip_accept_encoding=True)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.headers, _inflated(_read(response, end), response.headers)
        except (OSError, http.client.HTTPException) as error:
            raise network(f"{type(error).__name__}: {error}") from error
        finally:
            late.cancel()
            self._connections.discard(connection)
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self._url.scheme == "http":
            return http.client.HTTPConnection(self._url.netloc, timeout=self._timeout)
        return http.client.HTTPSConnection(self._url.netloc, timeout=self._timeout, context=ssl.create_default_context())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cut(connection: http.client.HTTPConnection) -> None:
    try:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself


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


def _read_answer(body: bytes, call: bytes, headers: http.client.HTTPMessage) -> tuple[Fields, list[bytes]]:
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
            raise _failure(fields, headers)
    except Malformed as malformed:
        raise violation(f"an answer: {malformed}") from None
    if any(kind != 1 and kind < 128 for kind, _ in parts):
        raise violation("an answer has a part of a feature that is not in use")  # W-16
    return fields, [content for kind, content in parts if kind == 1]


def _failure(fields: Fields, headers: http.client.HTTPMessage) -> Failure:
    """W-54, W-57: the code decides; of one that is not known, what it says of retries."""
    code, message, retry = fields.text("code", 64), fields.text("message", 1000, 0), fields.text("retry", 64)
    if not code[0].isalpha() or any(each not in CODE for each in code):
        fields.fail("code", "is none")
    if fields.has("details") and not isinstance(fields.members["details"], dict):
        fields.fail("details", "are no map")
    floor = fields.integer("retryAfterMillis") if fields.has("retryAfterMillis") else 0
    return Failure(code, message, RETRIES.get(code, retry), min(max(floor, _floor(headers)), FLOOR_MILLIS_MAX))


def _floor(headers: http.client.HTTPMessage) -> int:
    """Milliseconds of a `Retry-After` in seconds; 0 for none."""
    seconds = (headers.get("retry-after") or "").strip()
    return min(int(seconds) * 1000, FLOOR_MILLIS_MAX) if seconds.isdecimal() and len(seconds) < 10 else 0
