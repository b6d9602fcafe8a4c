"""Reads the vectors of the format and of the protocol with what the server and the client are made of, and says how many did what they should.

    python3 vectors.py FOLDER     the folder with v0 and wire-v1; exit code 1, and names, where one did not
"""
from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

sys.dont_write_bytecode = True  # a folder of sources stays one

from answers import read_handshake, read_pull, read_push
from blocks import Block, Row, Vector, decode_block, encode_block
from device_log import DeviceLog
from frames import decode_frame, encode_frame
from hints import read_head
from records import Version
from server_calls import Failure, read_error
from wire import START, Damaged, Fields, Malformed, Mangled, TooNew, decode_message, decode_value, encode, encode_message

Vectors = dict[str, Any]


class LeftOut(Exception):
    """A vector of what this client never meets: settings, receipts, values that JSON does not have."""


class Check:
    """Counts by what was checked, and names of what went wrong."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.counts: dict[str, int] = {}
        self.wrong: list[str] = []

    def load(self, file: str) -> Vectors:
        with open(os.path.join(self._folder, file), encoding="utf-8") as opened:
            vectors: Vectors = json.load(opened)
            return vectors

    def each(self, what: str, vectors: Iterable[Vectors], holds: Callable[[Vectors], bool]) -> None:
        """One check of each of some vectors."""
        for vector in vectors:
            name = what
            try:
                is_right = holds(vector)
            except LeftOut:
                is_right, name = True, f"{what}, left out"
            self.counts[name] = self.counts.get(name, 0) + 1
            if not is_right:
                self.wrong.append(f"{what}: {vector.get('name', vector)}")


def refusal_of(act: Callable[[], Any]) -> str | None:
    """How bytes are refused; None if they are taken."""
    try:
        act()
        return None
    except Damaged:
        return "damaged"
    except TooNew:
        return "too new"
    except (Mangled, Malformed, Failure):
        return "refused"


# ---- the format ---------------------------------------------------------------------------------------------------------------------------


def plain(notation: Any) -> Any:
    """A value from its notation (format, section 10), of what JSON has and binaries."""
    if isinstance(notation, list):
        return [plain(each) for each in notation]
    if not isinstance(notation, dict):
        return notation
    if "$bytes" in notation:
        return bytes.fromhex(notation["$bytes"])
    if "$map" in notation:
        return {key: plain(member) for key, member in notation["$map"]}
    if {"$number", "$bigint", "$date"} & notation.keys():
        raise LeftOut
    return {key: plain(member) for key, member in notation.items()}


def check_values(check: Check) -> None:
    vectors = check.load("v0/values.json")
    check.each("values", vectors["accepted"], lambda it: encode(plain(it["value"])).hex() == it["hex"])
    check.each("values to read", vectors["accepted"], lambda it: refusal_of(lambda: decode_value(bytes.fromhex(it["hex"]))) is None)
    check.each("values refused", vectors["refused"], lambda it: refusal_of(lambda: decode_value(bytes.fromhex(it["hex"]))) == "damaged")


def check_blocks(check: Check) -> None:
    vectors = check.load("v0/blocks.json")
    check.each("blocks", vectors["blocks"], lambda it: encode_block(decode_block(bytes.fromhex(it["hex"]))).hex() == it["hex"])
    readable = vectors["blocks"] + vectors["readOnly"]
    check.each("blocks to read", readable, lambda it: block_notation(decode_block(bytes.fromhex(it["hex"]))) == block_of(it["block"]))
    check.each("blocks refused", vectors["refused"], lambda it: refusal_of(lambda: decode_block(bytes.fromhex(it["hex"]))) == it["refusal"])


def row_notation(row: Row) -> list[Any]:
    settles = None if row.settles is None else pairs(row.settles)
    value = None if row.value is None else row.value.hex()
    return [row.seq, row.kind, row.millis, row.counter, row.collection, row.key, pairs(row.context), dots(row.keeps), settles, value]


def block_notation(block: Block) -> list[Any]:
    rows = [row_notation(row) for row in block.rows]
    return [block.writer.hex(), block.start, block.to, list(block.withheld), dots(block.links), block.label, rows]


def block_of(it: Vectors) -> list[Any]:
    """The same of what a vector says."""
    kinds = ["put", "delete", "choice", "event", "forget"]

    def named(numbered: list[list[int]]) -> list[list[Any]]:
        return dots((bytes.fromhex(it["writers"][number]), seq) for number, seq in numbered)

    rows = [
        [
            each["seq"], kinds.index(each["kind"]), each["millis"], each["counter"], it["names"][each["collection"]], each["key"].encode(),
            named(each["context"]), named(each["keeps"]), None if each["settles"] is None else named(each["settles"]), each["value"],
        ]
        for each in it["operations"]
    ]
    return [it["writers"][0], it["from"], it["to"], it["withheld"], named(it["links"] or []), it["label"], rows]


def pairs(vector: Vector) -> list[list[Any]]:
    return dots(vector.items())


def dots(named: Iterable[tuple[bytes, int]]) -> list[list[Any]]:
    return sorted([writer.hex(), seq] for writer, seq in named)


def check_frames(check: Check) -> None:
    vectors = check.load("v0/frames.json")

    def is_same(it: Vectors) -> bool:
        if it["frame"]["receipt"] is not None or any(part["type"] != 1 for part in it["frame"]["parts"]):
            raise LeftOut
        return bool(encode_frame(decode_frame(bytes.fromhex(it["hex"]))).hex() == it["hex"])

    check.each("frames", vectors["frames"], is_same)


def check_logs(check: Check) -> None:
    def is_folded(it: Vectors) -> bool:
        log = DeviceLog(None)
        try:
            for frame in it["frames"]:
                log.take(decode_frame(bytes.fromhex(frame)))
        except TooNew:
            raise LeftOut from None  # settings
        except Damaged:
            if it["owners"]:
                raise LeftOut from None  # receipts
            raise
        told = [it["own"], sorted(it["dead"]), [record_of(each) for each in it["records"]], [remote_of(each) for each in it["remotes"]]]
        return bool(log_notation(log, it) == told)

    check.each("logs", check.load("v0/logs.json")["logs"], is_folded)


def log_notation(log: DeviceLog, it: Vectors) -> list[Any]:
    records = [[name[0], name[1].decode(), sorted(map(version_notation, log.records.siblings(name)))] for name in sorted(log.records.names())]
    remotes = []
    for name in [each["remote"] for each in it["remotes"]]:
        known = log.known(name)
        refused = sorted([writer.hex(), seq, code] for (writer, seq), code in known.refused.items())
        vector = pairs(log.lineage.without_implied(known.vector))
        remotes.append([name, known.cursor[0], known.cursor[1].hex(), known.has_caught_up, vector, refused, known.offset])
    return [sorted(writer.hex() for writer in log.own), dots(log.dead), records, remotes]


def version_notation(version: Version) -> list[Any]:
    row = version.row
    value = None if row.value is None else row.value.hex()
    return [version.writer.hex(), row.seq, row.millis, row.counter, pairs(row.context), dots(row.keeps), value]


def record_of(it: Vectors) -> list[Any]:
    versions = [
        [each["writer"], each["seq"], each["millis"], each["counter"], sorted(each["context"]), sorted(each["keeps"]), each["value"]]
        for each in it["versions"]
    ]
    return [it["collection"], it["key"], sorted(versions)]


def remote_of(it: Vectors) -> list[Any]:
    refused = sorted([*each["dot"], each["code"]] for each in it["refused"])
    return [it["remote"], it["cursor"]["position"], it["cursor"]["id"], it["caughtUp"], sorted(it["vector"]), refused, it["offset"]]


# ---- the protocol -------------------------------------------------------------------------------------------------------------------------


def read_answer(message: str, data: bytes) -> None:
    """Reads an answer as the client does, of a request that it would be an answer to."""
    members, parts, _ = decode_message(data)
    fields = Fields(members)
    contents = [content for kind, content in parts if kind == 1]
    if any(kind != 1 and kind < 128 for kind, _ in parts):
        raise Malformed("parts have one of a feature that is not in use")
    if members.get("type") == "error":
        read_error(fields)
    elif message == "handshake answer":
        read_handshake(fields, contents)
    elif message == "push answer":
        read_push(fields, contents, sent_for(members), [])
    elif message == "pull answer":
        have = {each[0]: each[1] for each in listed(members.get("ranges")) if isinstance(each[1], int)}
        read_pull(fields, contents, (1, bytes(15) + b"\x01") if members.get("type") == "restart" else START, have)
    elif contents or fields.text("type", 64) != "head":
        raise Malformed("type is not head, or there are parts")
    else:
        fields.cursor("head")


def listed(named: Any) -> list[list[Any]]:
    return [each for each in named if isinstance(each, list) and len(each) > 1 and isinstance(each[0], bytes)] if isinstance(named, list) else []


def sent_for(members: dict[str, Any]) -> list[Block]:
    """Blocks that a push had which is answered so."""
    blocks = []
    for name in ("pairs", "refused"):
        for each in listed(members.get(name)):
            seq = each[1] if isinstance(each[1], int) and 0 < each[1] < 2 ** 31 else 1
            rows = (Row(seq, 0, 0, 0, b"key", b"\xc0"),) if name == "refused" else ()
            blocks.append(Block(each[0], seq - 1, seq, rows))
    writers = members.get("writers")
    return blocks + [Block(each, 0, 1, ()) for each in (writers if isinstance(writers, list) else []) if isinstance(each, bytes)]


def check_messages(check: Check) -> None:
    for file in ("requests", "answers"):
        for route, vectors in check.load(f"wire-v1/{file}.json").items():
            if isinstance(vectors, list):
                check.each(f"{file} to write", vectors, is_written)
                if file == "answers":
                    check.each("answers to read", [{**it, "message": f"{route} answer"} for it in vectors], is_read)
    refused = [it for it in check.load("wire-v1/refused.json")["refused"] if it["message"].endswith("answer")]
    check.each("answers refused", refused, lambda it: refusal_of(lambda: read_answer(it["message"], bytes.fromhex(it["hex"]))) is not None)
    hints = check.load("wire-v1/hints.json")
    check.each("hints", hints["hints"], lambda it: read_head(it["data"]) == (it["head"]["position"], bytes.fromhex(it["head"]["id"])))
    check.each("hints ignored", hints["ignored"], lambda it: read_head(it["data"]) is None)


def is_read(it: Vectors) -> bool:
    if it["fields"].get("at", [0])[0] > 0:
        raise LeftOut  # a restart that a state comes along with
    return refusal_of(lambda: read_answer(it["message"], bytes.fromhex(it["hex"]))) is None


def is_written(it: Vectors) -> bool:
    if any(part["type"] != 1 for part in it["parts"]):
        raise LeftOut
    parts = [bytes.fromhex(part["content"]) for part in it["parts"]]
    return bool(encode_message(plain(it["fields"]), bytes.fromhex(it["call"]), parts).hex() == it["hex"])


def main(folder: str) -> int:
    check = Check(folder)
    for act in (check_values, check_blocks, check_frames, check_logs, check_messages):
        act(check)
    print(json.dumps({"counts": check.counts, "wrong": check.wrong}, ensure_ascii=False))
    return 1 if check.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
