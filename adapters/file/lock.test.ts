/** Whose lock is taken over and whose is not. Holders are made up, or processes that run; beats are a few milliseconds apart. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { describe, it } from "node:test"
import { PersistError, StoreLocked } from "../../kernel/errors.ts"
import type { LogStorage } from "../../kernel/ports/log-storage.ts"
import { ownIdentity, type ProcessIdentity } from "./process-identity.ts"
import { errnoError, FaultyCalls } from "./testing/faulty-calls.ts"
import { adapterAt, assertFrames, deadIdentity, fillTo, frameAt, inTemporaryFolder, OPEN, quickCalls, REOPEN } from "./testing/workbench.ts"

const BEAT = { calls: quickCalls, beatMillis: 4 }
const isLinux = process.platform === "linux"
const ELSEWHERE: ProcessIdentity = { ...ownIdentity(), host: "another-machine", boot: "another-boot" }
const CONTAINER: ProcessIdentity = { ...ownIdentity(), space: "pid:[1]" }
/** One that was made anew has another name, on the same machine. */
const NEW_CONTAINER: ProcessIdentity = { ...CONTAINER, host: "0123456789ab" }

const textOf = (holder: ProcessIdentity): string =>
  `${JSON.stringify({ persist: "lock", ...holder, token: "ab".repeat(16), beat: "0".repeat(10) })}\n`

/** A closed store with three frames, and a lock with this text beside it. */
const leaveLock = async (root: string, text: string): Promise<string> => {
  const storage = await adapterAt(root, BEAT).open("notes", OPEN)
  await fillTo(storage, 3)
  await storage.close()
  const path = join(root, "notes", "lock")
  fs.writeFileSync(path, text)
  return path
}

const expectTaken = async (root: string, own: ProcessIdentity = ownIdentity()): Promise<void> => {
  const storage = await adapterAt(root, { ...BEAT, own }).open("notes", REOPEN)
  await assertFrames(storage, 0, 3)
  await storage.close()
  assert.deepEqual(fs.readdirSync(join(root, "notes")).filter((name) => name.startsWith("lock")), [])
}

const expectLocked = async (root: string, holder: RegExp, own: ProcessIdentity = ownIdentity()): Promise<void> => {
  const path = join(root, "notes", "lock")
  const before = fs.readFileSync(path, "latin1")
  for (
    const call of [() => adapterAt(root, { ...BEAT, own }).open("notes", REOPEN), () => adapterAt(root, { ...BEAT, own }).destroy("notes")]
  ) {
    const error = await Promise.resolve(call()).then(() => undefined, (cause: unknown) => cause)
    assert.ok(error instanceof StoreLocked, String(error))
    assert.equal(error.code, "store_locked")
    assert.match(error.details.holder, holder)
    assert.ok(error.hint !== undefined && error.storedNothing)
  }
  assert.equal(fs.readFileSync(path, "latin1"), before)
}

/** As `expectLocked`, where the text of the lock may go on beating. */
const expectLockedBy = async (root: string, holder: RegExp, own: ProcessIdentity = ownIdentity()): Promise<void> => {
  await assert.rejects(async () => adapterAt(root, { calls: quickCalls, beatMillis: 20, own }).open("notes", REOPEN), (cause) => {
    assert.ok(cause instanceof StoreLocked, String(cause))
    assert.match(cause.details.holder, holder)
    return true
  })
}

const expectUnlocked = async (root: string): Promise<void> => {
  assert.ok(!fs.existsSync(join(root, "notes", "lock")))
  await (await adapterAt(root, BEAT).open("notes", REOPEN)).close()
}

describe("the lock of a process", () => {
  it(
    "that is gone is taken over: no such number, the number of another process, an earlier boot",
    { skip: !isLinux && "asks /proc" },
    () =>
      inTemporaryFolder(async (root) => {
        for (const gone of [deadIdentity(), { ...ownIdentity(), started: "1" }, { ...ownIdentity(), boot: "before" }]) {
          await leaveLock(root, textOf(gone))
          await expectTaken(root)
        }
      }),
  )

  it(
    "that runs is never taken, and is when it has ended",
    { skip: process.platform === "win32" && "needs sleep" },
    () =>
      inTemporaryFolder(async (root) => {
        const child = spawn("sleep", ["60"], { stdio: "ignore" })
        try {
          await once(child, "spawn")
          await leaveLock(root, textOf({ ...ownIdentity(), pid: child.pid!, started: "" }))
          // Without a start time: on systems that do not tell it, the number alone is asked for.
          for (const own of [ownIdentity(), { ...ownIdentity(), started: "" }]) {
            await expectLocked(root, new RegExp(`^process ${child.pid}$`), own)
          }
        } finally {
          child.kill("SIGKILL")
        }
        await once(child, "exit")
        await expectTaken(root)
      }),
  )

  it("of an earlier boot is known by its age where boots have no names, though another process has its number", () =>
    inTemporaryFolder(async (root) => {
      const own: ProcessIdentity = { ...ownIdentity(), boot: "", space: "", started: "" }
      // Fresh: this process has the number, so the holder may be it.
      const path = await leaveLock(root, textOf(own))
      await expectLocked(root, /^another handle of this process$/, own)
      fs.utimesSync(path, 1_000_000_000, 1_000_000_000)
      await expectTaken(root, own)
      // Old, and yet somebody beats: the clock was set.
      const holder = await adapterAt(root, { calls: quickCalls, own, beatMillis: 2 }).open("notes", OPEN)
      fs.utimesSync(path, 1_000_000_000, 1_000_000_000)
      await expectLockedBy(root, /./, own)
      await holder.close()
    }))

  it("that is this one is named as another handle", () =>
    inTemporaryFolder(async (root) => {
      const storage = await adapterAt(root, BEAT).open("notes", OPEN)
      await expectLockedBy(root, /^another handle of this process$/)
      await storage.close()
      await storage.close()
      await expectUnlocked(root)
    }))

  it("on another machine is never taken; the error says what to remove", () =>
    inTemporaryFolder(async (root) => {
      const path = await leaveLock(root, textOf(ELSEWHERE))
      await expectLocked(root, /^process \d+ on the machine "another-machine", .*remove ".*lock"/)
      fs.unlinkSync(path)
      await expectTaken(root)
    }))

  it("in another container is kept while it beats, and taken when it stands still", () =>
    inTemporaryFolder(async (root) => {
      for (const own of isLinux ? [CONTAINER, NEW_CONTAINER] : [CONTAINER]) {
        const faulty = new FaultyCalls(undefined, quickCalls)
        const holder = await adapterAt(root, { calls: faulty.calls, own, beatMillis: 2 }).open("notes", OPEN)
        await fillTo(holder, 3)
        await expectLockedBy(root, /in another container of this machine/)
        faulty.dispose()
        await expectTaken(root)
      }
    }))
})

describe("a lock file", () => {
  it("that a crash cut short is taken over, wherever it was cut", () =>
    inTemporaryFolder(async (root) => {
      const text = textOf(deadIdentity())
      const path = await leaveLock(root, text)
      for (let length = 0; length < text.length; length += 11) {
        for (const torn of [text.slice(0, length), text.slice(0, length) + "\0".repeat(text.length - length)]) {
          fs.writeFileSync(path, torn)
          await expectTaken(root)
        }
      }
    }))

  it("that was cut short and whose thief was cut short as well is taken over", () =>
    inTemporaryFolder(async (root) => {
      const path = await leaveLock(root, "")
      const names: string[] = []
      const calls = { ...quickCalls, linkSync: (from: string, to: string) => (names.push(to), quickCalls.linkSync(from, to)) }
      await (await adapterAt(root, { ...BEAT, calls: calls as typeof quickCalls }).open("notes", REOPEN)).close()
      const thief = names.find((name) => name !== path)!
      for (const torn of [path, thief]) fs.writeFileSync(torn, "")
      await expectTaken(root)
    }))

  it("that somebody finishes while it is watched is theirs", () =>
    inTemporaryFolder(async (root) => {
      const path = await leaveLock(root, "")
      let isFound = false
      const calls = {
        ...quickCalls,
        lstatSync: (of: string) => {
          if (of === path && !isFound) {
            isFound = true
            setImmediate(() => fs.writeFileSync(path, textOf(ELSEWHERE)))
          }
          return fs.lstatSync(of)
        },
      }
      await assert.rejects(async () => adapterAt(root, { ...BEAT, calls: calls as typeof quickCalls }).open("notes", REOPEN), StoreLocked)
      assert.equal(fs.readFileSync(path, "utf8"), textOf(ELSEWHERE))
    }))

  it("that was taken over by somebody faster is left alone", () =>
    inTemporaryFolder(async (root) => {
      const path = await leaveLock(root, textOf(deadIdentity()))
      const calls = {
        ...quickCalls,
        linkSync: (from: string, to: string) => {
          // The thief has seen that the holder is gone, and is about to say that it will remove the lock.
          if (to !== path) fs.writeFileSync(path, textOf(ELSEWHERE).replaceAll("ab", "cd"))
          quickCalls.linkSync(from, to)
        },
      }
      await assert.rejects(async () => adapterAt(root, { ...BEAT, calls: calls as typeof quickCalls }).open("notes", REOPEN), StoreLocked)
      assert.equal(fs.readFileSync(path, "utf8"), textOf(ELSEWHERE).replaceAll("ab", "cd"))
    }))

  it("that is none of ours is never removed, and named", () =>
    inTemporaryFolder(async (root) => {
      const foreign = ["{}\n", "mine", "[1]", "null", "\u00ff", '{"persist":"lock","version":2}\n', " ".repeat(9000)]
      for (const text of foreign) {
        await leaveLock(root, text)
        await expectLocked(root, /^a lock file that is none of ours \(.*remove ".*lock"\)$/)
        fs.unlinkSync(join(root, "notes", "lock"))
      }
    }))

  it("is exclusive where the file system has no links", () =>
    inTemporaryFolder(async (root) => {
      const linkSync = (): never => {
        throw errnoError("EPERM")
      }
      const adapter = adapterAt(root, { ...BEAT, calls: { ...quickCalls, linkSync } })
      for (let round = 0; round < 3; round++) {
        const opened = await Promise.allSettled(Array.from({ length: 4 }, () => adapter.open("notes", OPEN)))
        const held = opened.flatMap((one) => one.status === "fulfilled" ? [one.value] : [])
        assert.equal(held.length, 1)
        for (const one of opened) if (one.status === "rejected") assert.ok(one.reason instanceof StoreLocked, String(one.reason))
        await held[0]!.close()
        fs.writeFileSync(join(root, "notes", "lock"), textOf(deadIdentity()))
      }
      assert.deepEqual(fs.readdirSync(join(root, "notes")).sort(), ["0000000000000001.log", "lock", "store"])
    }))

  it("of a process that is gone goes to one of many who want it", () =>
    inTemporaryFolder(async (root) => {
      for (let round = 0; round < 5; round++) {
        await leaveLock(root, textOf(deadIdentity()))
        const opened = await Promise.allSettled(Array.from({ length: 8 }, () => adapterAt(root, BEAT).open("notes", REOPEN)))
        const held = opened.flatMap((one) => one.status === "fulfilled" ? [one.value] : [])
        assert.equal(held.length, 1)
        for (const one of opened) if (one.status === "rejected") assert.ok(one.reason instanceof StoreLocked, String(one.reason))
        await held[0]!.close()
      }
    }))

  it("that cannot be made stores nothing and is an error of ours", () =>
    inTemporaryFolder(async (root) => {
      await leaveLock(root, textOf(deadIdentity()))
      for (const name of ["openSync", "writeSync", "fsyncSync", "linkSync"] as const) {
        for (const code of ["ENOSPC", "EACCES", "EROFS", "EIO"]) {
          if (name === "linkSync" && code === "EACCES") continue
          const faulty = new FaultyCalls({ at: 1, kind: "fail", code, name }, quickCalls)
          // The first file that is opened is the one that says what the folder is.
          if (name === "openSync") faulty.arm({ at: 2, kind: "fail", code, name })
          const error = await Promise.resolve(adapterAt(root, { ...BEAT, calls: faulty.calls }).open("notes", REOPEN))
            .then(() => undefined, (cause: unknown) => cause)
          assert.ok(error instanceof PersistError && error.storedNothing, `${name} ${code}: ${error}`)
          assert.deepEqual(fs.readdirSync(join(root, "notes")).filter((entry) => /lock-|tmp/.test(entry)), [], `${name} ${code}`)
        }
      }
      await expectTaken(root)
    }))
})

describe("a handle whose lock was taken over", () => {
  const loseLock = async (root: string, beatMillis: number): Promise<LogStorage> => {
    const storage = await adapterAt(root, { calls: quickCalls, beatMillis }).open("notes", OPEN)
    await fillTo(storage, 3)
    fs.unlinkSync(join(root, "notes", "lock"))
    fs.writeFileSync(join(root, "notes", "lock"), textOf(ELSEWHERE))
    return storage
  }

  it("writes nothing after a pause, though no timer has told it", () =>
    inTemporaryFolder(async (root) => {
      const storage = await loseLock(root, 3)
      const before = fs.readFileSync(join(root, "notes", "0000000000000001.log"))
      // Without a turn of the event loop, as a process that stood still comes back.
      for (const end = performance.now() + 8; performance.now() < end;);
      await assert.rejects(async () => storage.append(4, frameAt(4)), StoreLocked)
      await assert.rejects(async () => storage.trim(1), StoreLocked)
      await storage.close()
      assert.deepEqual(fs.readFileSync(join(root, "notes", "0000000000000001.log")), before)
      assert.equal(fs.readFileSync(join(root, "notes", "lock"), "utf8"), textOf(ELSEWHERE))
    }))

  it("says so in flush, and leaves the files and the lock of the other alone at close", () =>
    inTemporaryFolder(async (root) => {
      const storage = await loseLock(root, 60_000)
      const before = fs.readFileSync(join(root, "notes", "0000000000000001.log"))
      await assert.rejects(async () => storage.flush(), StoreLocked)
      await storage.close()
      assert.deepEqual(fs.readFileSync(join(root, "notes", "0000000000000001.log")), before)
      assert.equal(fs.readFileSync(join(root, "notes", "lock"), "utf8"), textOf(ELSEWHERE))
    }))
})

describe("a handle that does nothing but write", () => {
  it("beats all the same", () =>
    inTemporaryFolder(async (root) => {
      const storage = await adapterAt(root, { calls: quickCalls, beatMillis: 1 }).open("notes", OPEN)
      const path = join(root, "notes", "lock")
      const beatOf = (): string => JSON.parse(fs.readFileSync(path, "utf8")).beat
      const first = beatOf()
      let position = 0
      for (const end = performance.now() + 5; performance.now() < end;) await storage.append(++position, frameAt(position))
      assert.notEqual(beatOf(), first)
      await storage.close()
    }))
})
