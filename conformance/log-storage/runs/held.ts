/** A store that one process has open, and what another one beside it meets: also when the first is stopped, killed, or of another time. */
import fs from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { StoreBusy, StoreLocked } from "../../../kernel/errors.ts"
import type { Bytes, Durability, LogStorage } from "../../../kernel/ports/log-storage.ts"
import { ensure, equal, fail, outcomeOf, rejects } from "../../expect.ts"
import { frameOf } from "../../processes/orders.ts"
import { formatReply, type OtherProcess } from "../../processes/other-process.ts"
import { Random } from "../../processes/random.ts"
import { equalFrames, fill, frameAt, framesBetween, holds, readAll } from "../frames.ts"
import type { LogStorageTrial } from "../trial.ts"
import { Ledger } from "./ledger.ts"

const YEAR_MILLIS = 365 * 24 * 60 * 60 * 1000
const STOP_MILLIS = { usual: 400, slow: 30_000 }

const levelOf = (trial: LogStorageTrial): Durability => trial.capabilities.levels[0] ?? "normal"

/** A process that has "notes" open, with frames up to `through`. */
const startHolder = async (trial: LogStorageTrial, through: number): Promise<OtherProcess> => {
  const holder = await trial.startProcess()
  await holder.must("opening", "open", { storeName: "notes", durability: levelOf(trial), create: true })
  for (let position = 1; position <= through; position += 1) await holder.must(`appending at ${position}`, "append", { position })
  return holder
}

/** Fails unless the reply is an error of this class that has stored nothing. */
const refused = (what: string, reply: Awaited<ReturnType<OtherProcess["ask"]>>, name: string): void => {
  if (reply.kind === "error" && reply.error.name === name && reply.error.storedNothing) return
  fail(`${what}: ${reply.kind === "value" ? "it succeeded" : formatReply(reply)}, expected ${name}, which has stored nothing`)
}

/** Opens a store beside a process that has it open. */
export const openBeside = async (trial: LogStorageTrial): Promise<void> => {
  const holder = await startHolder(trial, 3)
  if (trial.capabilities.multiProcess) {
    const storage = await trial.open("notes", { create: false })
    await holds(storage, framesBetween(0, 3))
    await fill(storage, 4)
    equal(await holder.must("head()", "head", {}), 4, "head() of the other process")
    refused("appending at a position that another process has taken", await holder.ask("append", { position: 4 }), "PositionTaken")
    await holder.must("appending at 5", "append", { position: 5 })
    await holds(storage, framesBetween(0, 5))
    return
  }
  await rejects("opening a store that another process has open", () => trial.open("notes", { create: false }), StoreLocked)
  await rejects("removing a store that another process has open", () => trial.adapter.destroy("notes"), StoreLocked)
  await holder.must("appending at 4", "append", { position: 4 })
  await holder.must("closing", "close", {})
  await holds(await trial.open("notes", { create: false }), framesBetween(0, 4))
  const order = { storeName: "notes", durability: levelOf(trial), create: false }
  refused("opening a store that this process has open", await holder.ask("open", order), "StoreLocked")
  await trial.closeAll()
  await holder.must("opening what is closed", "open", order)
}

/** Kills processes that have a store open, also in the middle of a call: others go on at once. */
export const killHolders = async (trial: LogStorageTrial): Promise<void> => {
  const random = new Random(trial.seed), ledger = new Ledger("notes", levelOf(trial))
  for (const moment of ["idle", "appending", "flushing", "closing", "idle"]) {
    const what = `killed while ${moment}, seed ${trial.seed}`
    const holder = await trial.startProcess()
    const opened = await ledger.open(holder)
    if (opened.kind !== "value") return fail(`${what}: opening: ${formatReply(opened)}`)
    ledger.find(opened.value.head, what)
    for (let count = 0; count < 3; count += 1) {
      const reply = await ledger.append(holder)
      if (reply.kind !== "value") fail(`${what}: appending: ${formatReply(reply)}`)
    }
    const last = moment === "appending" ? ledger.append(holder, 50_000) : moment === "idle" ? undefined : holder.ask(
      moment === "flushing" ? "flush" : "close",
      {},
    )
    await sleep(random.below(3))
    await holder.kill()
    await last
    await ledger.judge(trial, what)
  }
}

/** Stops a process that has a store open, in the middle of an append, and lets it go on when another one may have written. */
export const stopHolder = async (trial: LogStorageTrial): Promise<void> => {
  const holder = await startHolder(trial, 3)
  const rounds = trial.isSlow ? 3 : 2
  let head = 3
  const frames: Bytes[] = [...framesBetween(0, 3)]
  for (let round = 1; round <= rounds; round += 1) {
    const mine = { position: head + 1, bytes: 5000 + round }
    const isUnderWay = round % 2 === 0
    const appending = isUnderWay ? holder.ask("append", mine) : undefined
    holder.stop()
    await sleep(trial.isSlow ? STOP_MILLIS.slow : STOP_MILLIS.usual)
    const opened = await outcomeOf(() => trial.open("notes", { create: false }))
    let own: LogStorage | undefined
    const acknowledged = new Set<number>()
    if (opened.kind === "value") {
      own = opened.value
      head = await own.head()
      for (const position of [head + 1, head + 2]) {
        const appended = await outcomeOf(() => own!.append(position, frameAt(position)))
        if (appended.kind === "value") {
          acknowledged.add(position)
          continue
        }
        // A process that was stopped in the middle of a transaction keeps others out.
        ensure(appended.error instanceof StoreBusy, `round ${round}: appending beside a process that is stopped: ${String(appended.error)}`)
        break
      }
    } else {
      const isExpected = opened.error instanceof StoreLocked && !trial.capabilities.multiProcess || opened.error instanceof StoreBusy
      if (!isExpected) fail(`round ${round}: opening beside a process that is stopped`, opened.error)
    }
    holder.goOn()
    const reply = await (appending ?? holder.ask("append", mine))
    if (reply.kind === "ended") return fail(`round ${round}: ${formatReply(reply)}`)
    if (!trial.capabilities.multiProcess && own !== undefined) {
      ensure(reply.kind === "error", `round ${round}: a process appends though another one has taken the store over`)
      await trial.closeAll()
    }

    // What is there are frames of either, each where it was acknowledged.
    const found = own !== undefined && trial.capabilities.multiProcess
      ? await readAll(own)
      : (await holder.must("reading", "read", { after: 0 })).map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)))
    head = found.length
    for (let position = frames.length + 1; position <= head; position += 1) {
      const isMine = position === mine.position && !acknowledged.has(position) && found[position - 1]!.length === mine.bytes
      frames.push(isMine ? frameOf(mine) : frameAt(position))
    }
    equalFrames(found, frames, `round ${round}: the frames`)
    const isStored = (found[mine.position - 1]?.length ?? 0) === mine.bytes
    if (reply.kind === "value") ensure(isStored, `round ${round}: a frame that was acknowledged is not there`)
    else ensure(!reply.error.storedNothing || !isStored, `round ${round}: a frame is there of which was told that it is not`)
    if (own !== undefined) await trial.closeAll()
  }
}

/** Processes whose clocks are a year ahead and behind write one after another; files get such times, too. */
export const jumpClocks = async (trial: LogStorageTrial): Promise<void> => {
  let head = 0
  for (const clockMillis of [0, YEAR_MILLIS, -YEAR_MILLIS, 0, -YEAR_MILLIS, YEAR_MILLIS, 0]) {
    const what = `with a clock ${clockMillis / YEAR_MILLIS} years ahead`
    const process = await trial.startProcess({ clockMillis })
    const opened = await process.must(`${what}: opening`, "open", { storeName: "notes", durability: levelOf(trial), create: true })
    equal(opened.head, head, `${what}: the head`)
    equal(opened.isRecovered, false, `${what}: opening had to repair something`)
    for (let count = 0; count < 3; count += 1) await process.must(`${what}: appending`, "append", { position: ++head })
    if (trial.capabilities.snapshots) await process.must(`${what}: a snapshot`, "snapshot", { at: head })
    // Every other one leaves the store open: whether it is free must not be a question of the time.
    if (head % 2 === 0) await process.must(`${what}: closing`, "close", {})
    await process.kill()
    const folder = trial.lacks("limits") === undefined ? trial.folder : undefined
    if (folder !== undefined) setTimes(folder, (Date.now() - clockMillis) / 1000)
  }
  await trial.reopen()
  await holds(await trial.open("notes", { create: false }), framesBetween(0, head))
}

const setTimes = (folder: string, seconds: number): void => {
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    fs.utimesSync(join(entry.parentPath, entry.name), seconds, seconds)
  }
}

/** Listeners in two processes hear of what the other one appends. */
export const hearOthers = async (trial: LogStorageTrial): Promise<void> => {
  const other = await startHolder(trial, 1)
  await other.must("watching", "watch", {})
  const storage = await trial.open("notes", { create: false })
  let heard = 0, tellHeard = (): void => {}
  const stop = storage.watch(() => {
    heard += 1
    tellHeard()
  })
  const inTime = async (what: string, isHeard: () => boolean, wait: Promise<void>): Promise<void> => {
    await Promise.race([wait, sleep(trial.patienceMillis, undefined, { ref: false })])
    ensure(isHeard(), `${what}: not heard of within ${trial.patienceMillis} ms`)
  }
  for (let round = 1; round <= 3; round += 1) {
    const before = other.changes
    await fill(storage, await storage.head() + 1)
    await inTime("an append of this process", () => other.changes > before, other.until(() => other.changes > before))

    const head = await storage.head(), heardBefore = heard
    const hears = new Promise<void>((resolve) => tellHeard = resolve)
    await other.must("appending", "append", { position: head + 1 })
    await inTime("an append of another process", () => heard > heardBefore, heard > heardBefore ? Promise.resolve() : hears)
  }
  stop()
}
