"""A server of the sync protocol, written from protocol/SPEC.md and docs/format.md with Python's standard library alone. It keeps everything in
memory, and is there to prove that the two pages suffice. The rules that a line follows stand behind it.

    python3 server.py

It listens on a free port of this machine and prints {"what": "listening", "port": …} as a line. Each line of its standard input is a token,
{"token": …, "principal": …, "namespace": …, "rights": ["read", …], "expiresMillis": …}, answered by {"what": "known"}; it ends with it.
"""
from __future__ import annotations

import hashlib
import http.server
import json
import math
import random
import re
import secrets
import select
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

sys.dont_write_bytecode = True  # a folder of sources stays one

from blocks import CHOICE, Block, decode_block
from wire import (
    MEDIA_TYPE, MESSAGE_BYTES_MAX, NO_CALL, PARTS_BYTES_MAX, PARTS_MAX, SEQ_MAX, START, Cursor, Damaged, Fields, Malformed, Mangled, TooNew,
    decode_message, encode_message, is_text, is_value, now,
)

FEATURES = ["gzip", "live"]
ROUTES = {"handshake": None, "push": "write", "pull": "read", "watch": "read", "wait": "read"}
LIMITS = {
    "partsBytesMax": 3_600_000, "operationsMax": 20_000, "partsMax": PARTS_MAX, "bodyBytesMax": MESSAGE_BYTES_MAX,
    "inflatedBytesMax": MESSAGE_BYTES_MAX,
}
ERRORS = {  # W-55
    "invalid_request": (400, "never"), "body_damaged": (400, "later"), "version_mismatch": (400, "never"),
    "unsupported_feature": (400, "never"), "unauthenticated": (401, "after_action"), "forbidden": (403, "after_action"),
    "store_not_found": (404, "after_action"), "request_timeout": (408, "later"), "body_too_large": (413, "after_action"),
    "batch_too_large": (413, "after_action"), "unsupported_encoding": (415, "after_action"), "unsupported_version": (426, "never"),
    "rate_limited": (429, "later"), "internal": (500, "later"),
}

Answer = dict[str, Any]
Principal = dict[str, Any]
Pair = tuple[int, frozenset[int]]


class Failed(Exception):
    """A request that fails as a whole (W-54)."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


# ---- stores -------------------------------------------------------------------------------------------------------------------------------

class Store:
    """One log: frames, each an id and blocks; and what is folded from them. A lock makes its pushes one after the other."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, list[Block]]] = []
        self.pairs: dict[bytes, Pair] = {}
        self.owners: dict[bytes, str] = {}
        self.moved = threading.Condition()

    @property
    def head(self) -> Cursor:
        return (len(self.frames), self.frames[-1][0]) if self.frames else START

    def contains(self, cursor: Cursor) -> bool:
        position, frame = cursor
        return position == 0 or (position <= len(self.frames) and self.frames[position - 1][0] == frame)

    def pair(self, writer: bytes) -> Pair:
        return self.pairs.get(writer, (0, frozenset()))

    def push(self, basis: list[Cursor], own: set[bytes], read: Callable[[], list[Block]], principal: str, rights: list[str]) -> Answer:
        """W-30, its steps 2 to 8. `read` reads the blocks: that is step 3."""
        if not all(map(self.contains, basis)):
            return {"type": "unknown"}
        blocks = read()
        pairs: dict[bytes, Pair] = {}
        brought: list[Block] = []
        forbidden: list[bytes] = []
        gap = False
        for block in blocks:
            seq, withheld = pairs.get(block.writer) or self.pair(block.writer)
            gap = gap or block.start > seq
            listed = {row.seq for row in block.rows}
            if block.to <= seq and not withheld & listed:
                continue
            brought.append(block)
            if ("write" if block.writer in own else "relay") not in rights and block.writer not in forbidden:
                forbidden.append(block.writer)
            pairs[block.writer] = (max(seq, block.to), (withheld - listed) | {each for each in block.withheld if each > seq})
        if forbidden:
            return {"type": "forbidden", "writers": forbidden}
        reached: dict[bytes, int] = {}
        for block in blocks:
            reached[block.writer] = max(reached.get(block.writer, 0), block.to)
        for block in blocks:
            if any(seq > max(self.pair(writer)[0], reached.get(writer, 0)) for writer, seq in block.links):
                return {"type": "unknown"}
        if gap:
            return {"type": "unknown"}
        refused = self.refused(blocks, own, principal)
        if refused:
            return {"type": "refused", "refused": refused[:4096], "serverTimeMillis": now()}
        for block in brought:
            for row in block.rows:
                if not is_text(row.key) or (row.value and not is_value(row.value)):
                    raise Failed("invalid_request", "parts have an operation that nobody could read")
        answered = {writer: pairs.get(writer) or self.pair(writer) for writer in reached}
        if sum(len(withheld) for _, withheld in answered.values()) > 131_072:
            raise Failed("batch_too_large", "the withheld numbers do not fit an answer")  # W-32
        if brought:
            self.pairs.update(pairs)
            for block in brought:
                if block.writer in own:
                    self.owners.setdefault(block.writer, principal)
            self.frames.append((secrets.token_bytes(16), brought))
            self.moved.notify_all()
        told = [[writer, seq, sorted(withheld)] for writer, (seq, withheld) in answered.items()]
        return {"type": "ok", "pairs": told, "last": self.head, "durability": "buffered", "serverTimeMillis": now()}

    def refused(self, blocks: list[Block], own: set[bytes], principal: str) -> list[list[Any]]:
        """Of what the log has not seen, what is not taken (W-33), each once."""
        refused: dict[tuple[bytes, int], list[Any]] = {}
        limit = now() + 300_000
        for block in blocks:
            seen, withheld = self.pair(block.writer)
            is_own = block.writer in own
            for row in block.rows:
                if (row.seq <= seen and row.seq not in withheld) or (block.writer, row.seq) in refused:
                    continue
                code = None
                if is_own and self.owners.get(block.writer, principal) != principal:
                    code = "writer_not_owned"
                elif is_own and row.kind <= CHOICE and row.millis > limit:
                    code = "clock_ahead"
                elif not is_text(row.key) or (row.value and not is_value(row.value)):
                    code = "op_invalid"
                if code:
                    refused[(block.writer, row.seq)] = [block.writer, row.seq, code, f"operation {row.seq} is refused"]
        return list(refused.values())

    def pull(self, cursor: Cursor, have: dict[bytes, int], most: int) -> tuple[Answer, list[bytes]]:
        """Fields and parts (W-39 to W-42)."""
        if not self.contains(cursor):
            return {"type": "restart", "at": START, "serverTimeMillis": now()}, []
        most, size, position = min(most, LIMITS["partsBytesMax"]), 0, cursor[0]
        parts: list[bytes] = []
        ranges: dict[bytes, int] = {}
        for _, blocks in self.frames[cursor[0]:]:
            sent: list[Block] = []
            left: dict[bytes, int] = {}
            for block in blocks:
                if block.withheld or have.get(block.writer, 0) < block.to:  # W-41
                    sent.append(block)
                else:
                    left[block.writer] = block.to
            more = sum(block.weight for block in sent)
            is_full = size + more > most or len(parts) + len(sent) > PARTS_MAX or len(ranges | left) > 4096
            if position > cursor[0] and is_full:
                break
            size, position = size + more, position + 1
            parts += [block.content for block in sent]
            for writer, to in left.items():
                ranges[writer] = max(to, ranges.get(writer, 0))
        end = (position, self.frames[position - 1][0]) if position > cursor[0] else cursor
        head = len(self.frames)
        told = [[writer, to] for writer, to in ranges.items()]
        fields = {"type": "page", "ranges": told, "next": end, "upToDate": position == head, "head": head, "serverTimeMillis": now()}
        return fields, parts


# ---- HTTP (W-4 to W-11) -------------------------------------------------------------------------------------------------------------------

STORES: dict[tuple[str, str], Store] = {}
STORES_LOCK = threading.Lock()
LISTENERS: dict[tuple[int, str], int] = {}
TOKENS: dict[bytes, Principal] = {}
Act = Callable[[Store, str, list[str], list[str]], tuple[Answer | None, list[bytes]]]
"""What a request does to a store, for a principal with rights, with features."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm, timeout = "HTTP/1.1", True, 40

    def log_message(self, *_: Any) -> None:
        pass

    def send_error(self, *_: Any, **__: Any) -> None:  # what is no request
        self.close_connection = True
        self.request_id, self.body_read, self.command = secrets.token_hex(8), False, self.command or "GET"
        self.fail(Failed("invalid_request", "this is no request of HTTP"), NO_CALL)

    def handle_any(self) -> None:
        given = self.headers.get("persist-request-id", "")
        self.request_id = given if re.fullmatch(r"[!-~]{1,128}", given) else secrets.token_hex(8)  # W-8
        self.body_read = self.headers.get("content-length", "0") == "0" and "transfer-encoding" not in self.headers
        call = NO_CALL
        try:
            path = self.path.split("?")[0]
            if path == "/v1/health" and self.command == "GET":
                return self.answer(200, b'{"status":"ok"}', "application/json")
            version = re.fullmatch(r"/v([0-9]{1,9})/[a-z]+", path)
            if version and int(version[1]) != 1:
                raise Failed("unsupported_version", "this server speaks version 1", min=1, max=1)
            route = path[4:] if path.startswith("/v1/") else None
            if route not in ROUTES or self.command != "POST":
                raise Failed("invalid_request", "there is nothing at this path for this method")
            who = self.authenticate()
            if (self.headers.get("content-type") or "").split(";")[0].strip().lower() != MEDIA_TYPE:
                raise Failed("invalid_request", f"a body has the media type {MEDIA_TYPE}")
            encoding = (self.headers.get("content-encoding") or "").strip().lower()
            if encoding not in ("", "gzip"):
                raise Failed("unsupported_encoding", "a body has no encoding, or gzip")
            members, parts, call = decode_message(self.read_body(encoding))
            self.serve(route, who, Fields(members), parts, call)
        except Failed as failed:
            self.fail(failed, call)
        except Mangled as mangled:
            self.fail(Failed("body_damaged", str(mangled)), call)
        except Damaged as rule:
            self.fail(Failed("invalid_request", f"the body is no message ({rule})"), call)
        except Malformed as malformed:
            self.fail(Failed("invalid_request", str(malformed)), call)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self.fail(Failed("internal", "the server failed"), call)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = handle_any

    def authenticate(self) -> Principal:
        """W-66: one header, one scheme."""
        given = self.headers.get_all("authorization") or []
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        who = TOKENS.get(hashlib.sha256(token.strip().encode("latin-1")).digest()) if scheme.lower() == "bearer" else None
        if who is None or now() >= who.get("expiresMillis", math.inf):
            raise Failed("unauthenticated", "a valid token is needed")
        self.expires = who.get("expiresMillis")
        return who

    def read_body(self, encoding: str) -> bytes:
        lengths, chunked = self.headers.get_all("content-length") or [], self.headers.get_all("transfer-encoding") or []
        if chunked:
            if lengths or [each.strip().lower() for each in chunked] != ["chunked"]:
                raise Failed("invalid_request", "the head tells two lengths of the body")
        elif len(lengths) > 1 or not all(re.fullmatch("[0-9]{1,15}", length) for length in lengths):
            raise Failed("invalid_request", "the head tells no length of the body")
        if lengths and int(lengths[0]) > MESSAGE_BYTES_MAX:
            raise Failed("body_too_large", f"a body has at most {MESSAGE_BYTES_MAX} bytes")
        began = time.monotonic()
        body = bytearray()
        for piece in self.chunks() if chunked else self.pieces(int(lengths[0]) if lengths else 0):
            body += piece
            passed = time.monotonic() - began
            if passed > 30 or (passed > 5 and len(body) < 1024 * (passed - 5)):
                raise Failed("request_timeout", "the body comes too slowly")  # W-11
            if len(body) > MESSAGE_BYTES_MAX:
                raise Failed("body_too_large", f"a body has at most {MESSAGE_BYTES_MAX} bytes")
        self.body_read = True
        return bytes(body) if encoding == "" else self.inflate(body)

    def pieces(self, length: int) -> Iterator[bytes]:
        self.connection.settimeout(10)
        while length > 0:
            try:
                piece = self.rfile.read1(min(length, 65_536))
            except TimeoutError:
                raise Failed("request_timeout", "the body does not come")
            if piece == b"":
                raise ConnectionError("the body broke off")
            length -= len(piece)
            yield piece

    def chunks(self) -> Iterator[bytes]:
        while True:
            size = re.match(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;|\r?\n)", self.rfile.readline(1000))
            if size is None:
                raise Failed("invalid_request", "a chunk has no size")
            length = int(size[1], 16)
            if length == 0:
                while self.rfile.readline(65_536) not in (b"\r\n", b"\n", b""):
                    pass
                return
            yield from self.pieces(length)
            if self.rfile.readline(3).strip() != b"":
                raise Failed("invalid_request", "a chunk does not end")

    def inflate(self, body: bytearray) -> bytes:
        """One layer of gzip, counted while it comes out (W-10)."""
        inflater = zlib.decompressobj(31)
        try:
            data = inflater.decompress(bytes(body), MESSAGE_BYTES_MAX + 1)
        except zlib.error:
            raise Failed("body_damaged", "the body is no gzip")
        if len(data) > MESSAGE_BYTES_MAX:
            raise Failed("body_too_large", f"an inflated body has at most {MESSAGE_BYTES_MAX} bytes")
        if not inflater.eof or inflater.unused_data:
            raise Failed("body_damaged", "the body is not one layer of gzip")
        return data

    def serve(self, route: str, who: Principal, fields: Fields, parts: list[tuple[int, bytes]], call: bytes) -> None:
        if fields.integer("protocol") != 1:
            raise Failed("version_mismatch", "the path and the body name different versions")
        name = fields.text("store", 200)
        if "\0" in name:
            fields.fail("store", "has the character U+0000")
        fields.binary("session", 16)
        if fields.has("replica"):
            fields.binary("replica", 8)
        accept, asked = fields.names("accept"), fields.names("features")
        if route != "push" and parts:
            fields.fail("parts", "are in a request that has none")
        act = getattr(self, route)(fields, parts)  # reads the rest of the fields
        features = []
        for feature in asked:
            plain = feature.removeprefix("must-")
            if plain in FEATURES and plain not in features:
                features.append(plain)
            elif plain not in FEATURES and plain != feature:
                raise Failed("unsupported_feature", "a feature that is not here is needed", feature=plain)
        rights = who["rights"]
        if not rights or (ROUTES[route] is not None and ROUTES[route] not in rights):
            raise Failed("forbidden", "the right to do that is missing")  # before anybody looks for the store (W-68)
        with STORES_LOCK:
            store = STORES.get((who["namespace"], name))
            if store is None and route in ("handshake", "push") and "write" in rights:
                store = STORES.setdefault((who["namespace"], name), Store())
        if store is None:
            raise Failed("store_not_found", "there is no such store")
        told, contents = act(store, who["principal"], rights, features)
        if told is not None:
            self.answer(200, encode_message(told, call, contents), MEDIA_TYPE, "gzip" in accept)

    def handshake(self, fields: Fields, _: Any) -> Act:
        versions = [fields.as_integer("versions", each) for each in fields.items("versions", 1, 64)]
        if 1 not in versions:
            raise Failed("unsupported_version", "this server speaks version 1", min=1, max=1)

        def act(store: Store, _: str, rights: list[str], features: list[str]) -> tuple[Answer, list[bytes]]:
            with store.moved:
                return {"type": "handshake", "protocol": 1, "features": features, "head": store.head, "serverTimeMillis": now(), "limits": LIMITS,
                        "rights": rights, "durability": "buffered", "tokenExpiresMillis": self.expires}, []
        return act

    def push(self, fields: Fields, parts: list[tuple[int, bytes]]) -> Act:
        basis = [fields.as_cursor("basis", each) for each in fields.items("basis", 1, 8)]
        own = [fields.as_binary("own", each, 16) for each in fields.items("own", 0, 4096)]
        fields.once("own", own)
        for kind, _ in parts:
            if kind != 1 and kind < 128:
                raise Failed("unsupported_feature", f"parts of type {kind} are not taken", feature=f"part-{kind}")
        contents = [content for kind, content in parts if kind == 1]
        if not contents:
            fields.fail("parts", "have no operation block")

        def read() -> list[Block]:
            try:
                blocks = [decode_block(content) for content in contents]
            except Damaged as rule:
                raise Failed("invalid_request", f"parts have a damaged block ({rule})")
            except TooNew as rule:
                raise Failed("unsupported_feature", f"parts have a block of a later version ({rule})", feature="block")
            if sum(len(block.rows) for block in blocks) > LIMITS["operationsMax"]:
                raise Failed("batch_too_large", f"a push has at most {LIMITS['operationsMax']} operations")
            if sum(block.weight for block in blocks) > PARTS_BYTES_MAX:
                raise Failed("batch_too_large", "the push is too large")
            return blocks

        def act(store: Store, principal: str, rights: list[str], _: list[str]) -> tuple[Answer, list[bytes]]:
            with store.moved:
                return store.push(basis, set(own), read, principal, rights), []
        return act

    def pull(self, fields: Fields, _: Any) -> Act:
        cursor = fields.cursor("cursor")
        have = [fields.as_items("have", each, 2, 2) for each in fields.items("have", 0, 4096)]
        entries = {fields.as_binary("have", writer, 16): fields.as_integer("have", seq, 1, SEQ_MAX) for writer, seq in have}
        fields.once("have", [writer for writer, _ in have])
        most = fields.integer("partsBytesMax", 1)

        def act(store: Store, *_: Any) -> tuple[Answer, list[bytes]]:
            with store.moved:
                return store.pull(cursor, entries, most)
        return act

    def wait(self, fields: Fields, _: Any) -> Act:
        cursor = fields.cursor("cursor")
        late = time.monotonic() + min(fields.integer("waitMillis"), 25_000) / 1000

        def act(store: Store, principal: str, *_: Any) -> tuple[Answer, list[bytes]]:
            with Listener(store, principal), store.moved:
                while store.head == cursor and time.monotonic() < late and not self.is_gone():
                    store.moved.wait(max(0, min(0.25, late - time.monotonic())))
                return {"type": "head", "head": store.head}, []
        return act

    def watch(self, _: Fields, __: Any) -> Act:
        def act(store: Store, principal: str, *_: Any) -> tuple[None, list[bytes]]:
            with Listener(store, principal):
                self.head(200, "text/event-stream", {"Connection": "close"})
                self.close_connection = True
                end, told, beat = time.monotonic() + 60 * random.uniform(0.85, 1.15), None, time.monotonic()
                while time.monotonic() < end and now() < (self.expires or math.inf) and not self.is_gone():  # W-70
                    with store.moved:
                        if store.head == told:
                            store.moved.wait(0.25)
                        head = store.head
                    if head != told:
                        self.wfile.write(f"event: head\ndata: {head[0]} {head[1].hex()}\n\n".encode())
                        told, beat = head, time.monotonic()
                    elif time.monotonic() - beat > 17:
                        self.wfile.write(b": beat\n\n")
                        beat = time.monotonic()
                self.wfile.write(b"event: bye\ndata:\n\n")
            return None, []
        return act

    def is_gone(self) -> bool:
        """Whether the other end has closed the connection."""
        if not select.select([self.connection], [], [], 0)[0]:
            return False
        try:
            return len(self.connection.recv(1, socket.MSG_PEEK)) == 0
        except OSError:
            return True

    def fail(self, failed: Failed, call: bytes) -> None:
        status, retry = ERRORS[failed.code]
        told: Answer = {"type": "error", "code": failed.code, "message": failed.message, "retry": retry, "details": failed.details or None,
                "requestId": self.request_id}
        if retry == "later":
            told["retryAfterMillis"] = 1000
        try:
            self.answer(status, encode_message(told, call), MEDIA_TYPE, more={"Retry-After": "1"} if retry == "later" else {})  # W-56
        except ConnectionError:
            self.close_connection = True

    def answer(self, status: int, body: bytes, kind: str, is_zipped: bool = False, more: dict[str, str] | None = None) -> None:
        more = dict(more or {})
        if is_zipped and len(body) > 1024:
            zipper = zlib.compressobj(6, zlib.DEFLATED, 31)
            body = zipper.compress(body) + zipper.flush()
            more["Content-Encoding"] = "gzip"
        if not self.body_read:  # what is left of the body must not pass for a request
            self.close_connection = True
            more["Connection"] = "close"
        if status == 401:
            more["WWW-Authenticate"] = "Bearer"
        self.head(status, kind, {**more, "Content-Length": str(len(body))}, body)
        if not self.body_read:
            self.linger()

    def head(self, status: int, kind: str, more: dict[str, str], body: bytes = b"") -> None:
        headers = {"Content-Type": kind, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
                   "Cross-Origin-Resource-Policy": "same-origin", "Persist-Request-Id": self.request_id, **more}  # W-7
        lines = [f"HTTP/1.1 {status} {self.responses.get(status, ('Status',))[0]}", *(f"{name}: {value}" for name, value in headers.items())]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if self.command == "HEAD" else body))

    def linger(self) -> None:
        """Closes without a reset, which would overtake the answer: takes for a second what still comes."""
        try:
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            end = time.monotonic() + 1
            while time.monotonic() < end and self.connection.recv(65_536):
                pass
        except OSError:
            pass


class Listener:
    """Counts streams and waits of one principal at one store (W-50)."""

    lock = threading.Lock()

    def __init__(self, store: Store, principal: str) -> None:
        self.key = (id(store), principal)

    def __enter__(self) -> None:
        with Listener.lock:
            if LISTENERS.get(self.key, 0) >= 10:
                raise Failed("rate_limited", "this principal listens ten times to this store already")
            LISTENERS[self.key] = LISTENERS.get(self.key, 0) + 1

    def __exit__(self, *_: Any) -> None:
        with Listener.lock:
            LISTENERS[self.key] -= 1


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128

    def handle_error(self, *_: Any) -> None:
        pass  # connections break off


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"what": "listening", "port": server.server_address[1]}), flush=True)
    for line in sys.stdin:
        given = json.loads(line)
        TOKENS[hashlib.sha256(given.pop("token").encode()).digest()] = given
        print(json.dumps({"what": "known"}), flush=True)
