/**
 * Real processes on one database. This file is also the program that they run: with an argument it is no test.
 *
 *   increment PATH COUNT    appends the last value plus one, COUNT times
 *   append PATH             appends until it is killed; writes each acknowledged position to its output
 */
import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { PositionTaken } from "../../kernel/errors.ts"
import type { Bytes, LogStorage } from "../../kernel/ports/log-storage.ts"
import { sqliteAdapter } from "./mod.ts"

const all = { maxFrames: 100_000, maxBytes: 1_000_000_000 } as const
const open = async (path: string): Promise<LogStorage> =>
  await sqliteAdapter({ path }).open("notes", { durability: "normal", create: undefined })

const numberOf = (frame: Bytes | undefined): number => frame === undefined ? 0 : new DataView(frame.buffer, frame.byteOffset).getUint32(0)
const frameOf = (value: number): Bytes => {
  // From a few bytes to several pages, so that kills meet commits of one and of many pages.
  const frame = new Uint8Array(4 + (value * 7919) % 20_000).fill(value)
  new DataView(frame.buffer).setUint32(0, value)
  return frame
}

const increment = async (path: string, count: number): Promise<void> => {
  const storage = await open(path)
  for (let done = 0; done < count;) {
    const head = await storage.head()
    const [last] = head === 0 ? [] : await storage.read(head - 1, { maxFrames: 1, maxBytes: 1 })
    try {
      await storage.append(head + 1, frameOf(numberOf(last) + 1))
      done++
    } catch (cause) {
      if (!(cause instanceof PositionTaken)) throw cause
    }
  }
  await storage.close()
}

/** Straight to the descriptor, so that it is out before the next call; the parent may be slower. */
const say = async (line: string): Promise<void> => {
  for (;;) {
    try {
      writeSync(1, line)
      return
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "EAGAIN")) throw cause
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

const appendForEver = async (path: string): Promise<void> => {
  const storage = await open(path)
  for (let position = await storage.head() + 1;; position++) {
    await storage.append(position, frameOf(position))
    await say(`${position}\n`)
  }
}

const test = (): void => {
  const root = mkdtempSync(join(tmpdir(), "persist-sqlite-processes-"))
  const children = new Set<ChildProcess>()
  after(() => {
    for (const child of children) child.kill("SIGKILL")
    rmSync(root, { recursive: true })
  })
  let folders = 0
  const newPath = (): string => {
    const folder = join(root, `${folders++}`)
    mkdirSync(folder)
    return join(folder, "stores.db")
  }

  const start = (...args: string[]): ChildProcess => {
    const runtimeArgs = "Deno" in globalThis ? ["run", "-A", "--no-check"] : []
    const child = spawn(process.execPath, [...runtimeArgs, fileURLToPath(import.meta.url), ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    children.add(child)
    return child
  }
  const ended = (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) =>
      child.once("exit", (code) => {
        children.delete(child)
        resolve(code)
      })
    )

  describe("several processes", () => {
    it("racing for 1,000 increments lose none", { timeout: 60_000 }, async () => {
      const path = newPath()
      const codes = await Promise.all([ended(start("increment", path, "500")), ended(start("increment", path, "500"))])
      assert.deepEqual(codes, [0, 0])
      const storage = await open(path)
      assert.deepEqual((await storage.read(0, all)).map(numberOf), Array.from({ length: 1000 }, (_, index) => index + 1))
      await storage.close()
    })

    it(
      "I24 killed in the middle of appends lose nothing that was acknowledged, and every recovery finds the same",
      { timeout: 60_000 },
      async () => {
        const path = newPath()
        for (let kill = 1; kill <= 5; kill++) {
          const child = start("append", path)
          const end = ended(child)
          let output = ""
          await new Promise<void>((resolve) => {
            child.stdout!.on("data", (chunk: Uint8Array) => {
              output += new TextDecoder().decode(chunk)
              if (output.split("\n").length > 60 * kill) resolve()
            })
          })
          const closed = new Promise((resolve) => child.stdout!.once("close", resolve))
          child.kill("SIGKILL")
          await end
          await closed
          const acknowledged = Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1))
          const heads: number[] = []
          for (const copy of [newPath(), newPath()]) {
            for (const suffix of ["", "-wal"]) cpSync(path + suffix, copy + suffix)
            for (let times = 1; times <= 2; times++) {
              const storage = await open(copy)
              heads.push(await storage.head())
              const frames = await storage.read(0, all)
              for (const [index, frame] of frames.entries()) assert.deepEqual(frame, frameOf(index + 1))
              await storage.close()
            }
          }
          assert.ok(heads[0]! >= acknowledged, `head ${heads[0]}, acknowledged ${acknowledged}`)
          assert.deepEqual(new Set(heads).size, 1, heads.join())
        }
      },
    )

    it("hear of each other's appends", { timeout: 60_000 }, async () => {
      const path = newPath()
      const storage = await open(path)
      const alive = setInterval(() => {}, 1000)
      const heard = new Promise<void>((resolve) => storage.watch(resolve))
      const end = ended(start("increment", path, "1"))
      await heard
      assert.equal(await end, 0)
      assert.equal(await storage.head(), 1)
      clearInterval(alive)
      await storage.close()
    })
  })
}

const [command, path = "", count] = process.argv.slice(2)
if (command === "increment") await increment(path, Number(count))
else if (command === "append") await appendForEver(path)
else test()
