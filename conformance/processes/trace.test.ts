import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { callsBehind, hasHit, injectionsFor, parseTrace, pathOf, stepsOf, tracer } from "./trace.ts"

const LOG = [
  `100 mkdir("/persist-mark/making", 0777) = -1 ENOENT (No such file or directory)`,
  `100 openat(AT_FDCWD</home>, "/place/1.log", O_RDWR|O_CREAT|O_EXCL, 0600) = 20</place/1.log>`,
  `100 pwrite64(20</place/1.log>, ""..., 40, 0) = 40`,
  `101 fdatasync(20</place/1.log> <unfinished ...>`,
  `100 write(15<anon_inode:[eventfd]>, ""..., 8) = 8`,
  `101 <... fdatasync resumed>) = 0`,
  `100 mkdir("/persist-mark/begin", 0777) = -1 ENOENT (No such file or directory)`,
  `100 pwrite64(20</place/1.log>, ""..., 40, 40) = 40`,
  `101 fdatasync(20</place/1.log>) = -1 EIO (Input/output error) (INJECTED)`,
  `100 pwrite64(21</elsewhere>, ""..., 40, 40) = 40`,
  `100 mkdir("/persist-mark/end", 0777) = -1 ENOENT (No such file or directory)`,
  `100 unlink("/place/1.log") = 0`,
  "",
].join("\n")

describe("parseTrace()", () => {
  it("numbers calls by their names and threads, and each once though it is told in two lines", () => {
    const found = parseTrace(LOG).map(({ thread, call, nth }) => `${thread} ${call} ${nth}`)
    assert.deepEqual(found, [
      "100 mkdir 1",
      "100 openat 1",
      "100 pwrite64 1",
      "101 fdatasync 1",
      "100 write 1",
      "100 mkdir 2",
      "100 pwrite64 2",
      "101 fdatasync 2",
      "100 pwrite64 3",
      "100 mkdir 3",
      "100 unlink 1",
    ])
  })
})

describe("callsBehind()", () => {
  it("answers the calls about a folder from one mark to the next", () => {
    const calls = callsBehind(parseTrace(LOG), "begin", "/place")
    assert.deepEqual(calls.map(({ call, nth }) => `${call} ${nth}`), ["pwrite64 2", "fdatasync 2"])
    assert.deepEqual(callsBehind(parseTrace(LOG), "missing", "/place"), [])
  })
})

describe("pathOf()", () => {
  it("answers the path that is named, not that of the working folder, else that of the descriptor", () => {
    const [, opened, written] = parseTrace(LOG)
    assert.equal(pathOf(opened!.text), "/place/1.log")
    assert.equal(pathOf(written!.text), "/place/1.log")
  })
})

describe("injectionsFor()", () => {
  const calls = parseTrace(LOG)
  const [step] = stepsOf(callsBehind(calls, "begin", "/place"))

  it("kills at a call, and makes it fail once", () => {
    assert.deepEqual(injectionsFor(step!, { kind: "kill" }, calls), ["pwrite64:signal=KILL:when=2"])
    assert.deepEqual(injectionsFor(step!, { kind: "error", errno: "EIO", isLasting: false }, calls), ["pwrite64:error=EIO:when=2"])
  })

  it("makes calls of each name fail from the step on, but those by which a runtime wakes itself", () => {
    const found = injectionsFor(step!, { kind: "error", errno: "ENOSPC", isLasting: true }, calls)
    assert.deepEqual(found.toSorted(), [
      "fdatasync:error=ENOSPC:when=2+",
      "mkdir:error=ENOSPC:when=3+",
      "pwrite64:error=ENOSPC:when=2+",
      "unlink:error=ENOSPC:when=1+",
    ])
  })
})

describe("hasHit()", () => {
  it("says whether a fault has fallen on a call about the folder", () => {
    assert.equal(hasHit(parseTrace(LOG), "/place"), true)
    assert.equal(hasHit(parseTrace(LOG), "/elsewhere"), false)
  })
})

describe("tracer()", () => {
  it("stops at traced calls alone where no signal is to be sent, which would be lost there", () => {
    assert.ok(tracer("log", "writes", ["write:error=EIO:when=1"]).includes("--seccomp-bpf"))
    assert.ok(!tracer("log", "writes", ["write:signal=KILL:when=1"]).includes("--seccomp-bpf"))
  })
})
