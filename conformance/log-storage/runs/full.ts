/** Bounds that the system sets to another process: on the size of files, the number of open ones, a whole volume, and what it may touch. */
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ensure, equal, fail } from "../../expect.ts"
import { strangerHere } from "../../processes/means.ts"
import { formatReply, type OtherProcess, type Reply } from "../../processes/other-process.ts"
import { framesBetween, holds } from "../frames.ts"
import type { LogStorageTrial } from "../trial.ts"
import { Ledger } from "./ledger.ts"
import { bytesUpTo } from "./work.ts"

/** Limits by the shell that then becomes the program; the signal would end it before the call can fail. */
const limitedTo = (limits: string): readonly string[] => ["sh", "-c", `trap '' XFSZ; ${limits}; exec "$@"`, "sh"]

const ledgerOf = (trial: LogStorageTrial): Ledger => new Ledger("notes", trial.capabilities.levels[0] ?? "normal")

/** Reads back what a refused append has left. Answers whether the handle still knows. */
const examine = async (process: OtherProcess, ledger: Ledger, reply: Reply<null>, what: string): Promise<boolean> => {
  if (reply.kind === "value") return true
  if (reply.kind === "ended") return fail(`${what}: ${formatReply(reply)}`)
  const head = await process.ask("head", {})
  if (head.kind === "value") {
    if (reply.error.storedNothing) {
      equal(head.value, ledger.acknowledged, `${what}: head() after ${reply.error.name}, which has stored nothing`)
    }
    ledger.find(head.value, what)
    return true
  }
  if (reply.error.storedNothing) ledger.retract()
  return false
}

/** Appends until it is refused, at most so often. Answers whether it was. */
const appendUntilRefused = async (process: OtherProcess, ledger: Ledger, bytes: number, times: number, what: string): Promise<boolean> => {
  for (let count = 0; count < times; count += 1) {
    const reply = await ledger.append(process, bytes)
    if (reply.kind === "value") continue
    await examine(process, ledger, reply, what)
    return true
  }
  return false
}

const openIn = async (process: OtherProcess, ledger: Ledger, what: string): Promise<void> => {
  const opened = await ledger.open(process)
  if (opened.kind !== "value") return fail(`${what}: opening: ${formatReply(opened)}`)
  ledger.find(opened.value.head, what)
}

/** Lets files grow to some size, not a multiple of anything, and appends beyond it. */
export const writeToLimit = async (trial: LogStorageTrial): Promise<void> => {
  for (const [round, blocks] of [400, 520, 700].entries()) {
    // Blocks have 512 or 1024 bytes, by the shell.
    const what = `with files of at most ${blocks} blocks`, other = await trial.another(), ledger = ledgerOf(other)
    const process = await other.startProcess({ launcher: limitedTo(`ulimit -f ${blocks}`) })
    await openIn(process, ledger, what)
    // Where each frame is a file of its own, only a large one meets the limit.
    const isRefused = await appendUntilRefused(process, ledger, bytesUpTo(other, 7001 + round), 150, what) ||
      await appendUntilRefused(process, ledger, bytesUpTo(other, 3_000_001), 1, what)
    if (!isRefused) trial.warn(`${what}: nothing was refused`)
    // Small ones may fit or not; what is said of them has to be true.
    for (let count = 0; count < 3; count += 1) await examine(process, ledger, await ledger.append(process), what)
    await process.kill()
    await ledger.judge(other, what)
    await other.end()
  }
}

/** Fills a small volume, makes room, and goes on. */
export const fillVolume = async (trial: LogStorageTrial): Promise<void> => {
  for (const bytes of [9001, 100_003]) {
    const what = `frames of ${bytes} bytes on a volume of 1 MiB`, other = await trial.another(), ledger = ledgerOf(other)
    const { folder } = other
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder])
    try {
      const process = await other.startProcess()
      await openIn(process, ledger, what)
      ensure(await appendUntilRefused(process, ledger, bytesUpTo(other, bytes), 200, what), `${what}: nothing was refused`)
      for (let count = 0; count < 3; count += 1) await examine(process, ledger, await ledger.append(process), what)
      if (other.capabilities.snapshots && ledger.acknowledged > 0) await ledger.snapshot(process, ledger.acknowledged)
      execFileSync("mount", ["-o", "remount,size=4m", folder])
      // On the same handle, or when it is opened again: a failed flush is final.
      const onSame = await ledger.append(process)
      if (!await examine(process, ledger, onSame, what) || onSame.kind !== "value") {
        await process.ask("close", {})
        await openIn(process, ledger, what)
        const onNew = await ledger.append(process)
        if (onNew.kind !== "value") fail(`${what}: appending when there is room: ${formatReply(onNew)}`)
      }
      await process.kill()
      await ledger.judge(other, what)
      await other.closeAll()
    } finally {
      execFileSync("umount", ["-l", folder])
    }
    await other.end()
  }
}

/** Mounts the volume for reading only, and for writing again. */
export const lockVolume = async (trial: LogStorageTrial): Promise<void> => {
  const what = "on a volume for reading only", ledger = ledgerOf(trial), { folder } = trial
  const mount = (options: string): void => void execFileSync("mount", ["-o", options, folder])
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder])
  try {
    const before = await trial.startProcess()
    await openIn(before, ledger, what)
    for (let count = 0; count < 5; count += 1) await examine(before, ledger, await ledger.append(before), what)
    await before.must(`${what}: closing`, "close", {})
    await before.dismiss()
    mount("remount,ro")
    const process = await trial.startProcess()
    for (const create of [false, undefined, true]) {
      const opened = await process.ask("open", { storeName: ledger.storeName, durability: ledger.durability, create })
      if (opened.kind !== "value") {
        ensure(opened.kind === "error" && opened.error.name !== "StoreNotFound", `${what}: opening: ${formatReply(opened)}`)
        continue
      }
      equal([opened.value.created, opened.value.head], [false, 5], `${what}: whether the store was made, and its head`)
      const appended = await process.ask("append", { position: 6 })
      ensure(appended.kind === "error", `${what}: an append succeeds`)
      await process.ask("close", {})
    }
    const read = await process.ask("open", { storeName: ledger.storeName, durability: ledger.durability, create: false, readPrefix: true })
    if (read.kind === "value") equal(read.value.head, 5, `${what}: the head with readPrefix`)
    await process.kill()
    mount("remount,rw")
    await ledger.judge(trial, `${what}, and for writing again`)
    await trial.closeAll()
  } finally {
    execFileSync("umount", ["-l", folder])
  }
}

/** Opens and closes a store, and one that is missing, many times. */
export const openOften = async (trial: LogStorageTrial): Promise<void> => {
  const ledger = ledgerOf(trial)
  const process = await trial.startProcess({ launcher: limitedTo("ulimit -n 256") })
  for (let count = 1; count <= 300; count += 1) {
    const what = `open number ${count} in one process`
    await openIn(process, ledger, what)
    if (count % 10 === 0) {
      const reply = await ledger.append(process)
      if (reply.kind !== "value") fail(`${what}: appending: ${formatReply(reply)}`)
      await process.must(`${what}: reading`, "read", { after: 0 })
    }
    await process.must(`${what}: closing`, "close", {})
    const missing = await process.ask("open", { storeName: "missing", durability: ledger.durability, create: false })
    ensure(missing.kind === "error" && missing.error.name === "StoreNotFound", `${what}: opening a store that is missing`)
  }
  await process.dismiss()
  await ledger.judge(trial, "afterwards")
}

const setModes = (folder: string, folders: number, files: number): void => {
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    fs.chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? folders : files)
  }
}

/** Takes away rights, and looks at what a process without them makes of the place. */
export const closeFolder = async (trial: LogStorageTrial): Promise<void> => {
  const { folder } = trial, durability = trial.capabilities.levels[0] ?? "normal"
  const storage = await trial.open()
  for (const [index, frame] of framesBetween(0, 3).entries()) await storage.append(index + 1, frame)
  await trial.closeAll()
  const user = strangerHere()
  // The runtimes' own caches belong to another user.
  const env = {
    HOME: tmpdir(),
    DENO_DIR: join(folder, "..", "persist-no-cache"),
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
    NODE_COMPILE_CACHE: "",
  }
  const names = fs.readdirSync(folder).map((name) => join(folder, name))
  fs.chmodSync(folder, 0o755)
  const process = await trial.startProcess({ user, env })

  const tryAll = async (what: string): Promise<void> => {
    const listed = await process.ask("list", {})
    if (listed.kind === "value") equal(listed.value.includes("notes"), true, `${what}: whether list() names the store`)
    for (const create of [false, undefined, true]) {
      const opened = await process.ask("open", { storeName: "notes", durability, create })
      if (opened.kind === "error") {
        ensure(opened.error.name !== "StoreNotFound", `${what}: opening with create: ${create}: ${opened.error.message}`)
        continue
      }
      if (opened.kind === "ended") return fail(`${what}: ${formatReply(opened)}`)
      equal([opened.value.created, opened.value.head], [false, 3], `${what}: whether the store was made, and its head`)
      const appended = await process.ask("append", { position: 4 })
      ensure(appended.kind === "error", `${what}: an append succeeds`)
      await process.ask("close", {})
    }
    const removed = await process.ask("destroy", { storeName: "notes" })
    ensure(removed.kind === "error", `${what}: removing the store succeeds`)
  }
  const before = fs.statSync(folder).mode
  try {
    fs.chmodSync(folder, 0o555)
    setModes(folder, 0o555, 0o444)
    await tryAll("where all may be read and nothing written")
    for (const name of names) fs.chmodSync(name, 0o000)
    await tryAll("where nothing may be read")
  } finally {
    for (const name of names) fs.chmodSync(name, 0o700)
    setModes(folder, 0o700, 0o600)
    fs.chmodSync(folder, before)
  }
  await process.dismiss()
  await trial.reopen()
  await holds(await trial.open("notes", { create: false }), framesBetween(0, 3))
}
