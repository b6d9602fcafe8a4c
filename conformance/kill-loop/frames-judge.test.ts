import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import type { Adapter, LogStorage } from "../../kernel/ports/log-storage.ts"
import { withStorage } from "../doubles/double.ts"
import { RuleBroken } from "../expect.ts"
import { frameAt, sliceAt, sliceBytesAt } from "./frame-calls.ts"
import { FramesJudge, type Said } from "./frames-judge.ts"
import type { ReportKind } from "./reports.ts"

const SEED = 21
const subject = { adapter: "file", path: "", durability: "normal", seed: SEED } as const

const slicesAt = (at: number): Uint8Array<ArrayBuffer>[] => [...sliceBytesAt(SEED, at).keys()].map((index) => sliceAt(SEED, at, index))

/** Twelve frames, snapshots at 4 and 8, trimmed through 4, all acknowledged. */
const makeLog = async (adapter: Adapter = memoryAdapter()): Promise<LogStorage> => {
  const log = await adapter.open("frames", { durability: "none", create: true })
  for (let position = 1; position <= 12; position++) await log.append(position, frameAt(SEED, position))
  for (const at of [4, 8]) await log.snapshots.write(at, slicesAt(at))
  await log.trim(12)
  return log
}
const said = (acknowledged: number, called: number, lasts: Partial<Record<ReportKind, number>> = {}): Said => ({
  acknowledged,
  called,
  last: (kind) => ({ saving: 8, saved: 8, trimming: 12, trimmed: 4, ...lasts })[kind as "saved"],
})

const judge = async (log: LogStorage, words: Said): Promise<number> => {
  const judge = new FramesJudge(subject)
  judge.noteAcknowledged(words)
  return (await judge.judge(log, words)).head
}
const refuses = (log: LogStorage, words: Said, reason: RegExp): Promise<void> =>
  assert.rejects(judge(log, words), (error) => error instanceof RuleBroken && reason.test(error.message))

describe("FramesJudge", () => {
  it("judge() takes a log with all that was acknowledged, and with frames that may be there", async () => {
    assert.equal(await judge(await makeLog(), said(12, 12)), 12)
    assert.equal(await judge(await makeLog(), said(9, 14)), 12)
  })

  it("judge() refuses a log that lost an acknowledged frame, or has one that was never called", async () => {
    await refuses(await makeLog(), said(13, 13), /the head is 12, and the frame at 13 was acknowledged/)
    await refuses(await makeLog(), said(9, 11), /nothing was appended behind 11/)
  })

  it("judge() refuses a frame of which a byte is another one", async () => {
    const log = await makeLog()
    const damaged = frameAt(SEED, 13)
    damaged[damaged.length - 1]! ^= 1
    await log.append(13, damaged)
    await refuses(log, said(13, 13), /the frame at 13: byte/)
  })

  it("judge() refuses a log that lost an acknowledged snapshot, has half of one, or one that nobody made", async () => {
    await refuses(await makeLog(), said(12, 12, { saving: 12, saved: 12 }), /the one at 12 was acknowledged/)
    await refuses(await makeLog(), said(12, 12, { saving: 4, saved: 4 }), /a snapshot at 8, which nobody made/)
    const log = await makeLog()
    await log.snapshots.write(12, [...slicesAt(12), new Uint8Array(1)])
    await refuses(log, said(12, 12, { saving: 12 }), /the slices of the snapshot at 12/)
  })

  it("judge() refuses frames that came back after a trim, and frames dropped that no older snapshot covers", async () => {
    await refuses(await makeLog(), said(12, 12, { trimmed: 5 }), /trimming through 5 was acknowledged/)
    const older = { at: 3, sliceBytes: sliceBytesAt(SEED, 3) }
    const trimsTooFar = withStorage(memoryAdapter(), ({ snapshots }) => ({
      snapshots: {
        write: (at, slices) => snapshots.write(at, slices),
        list: async () => [...(await snapshots.list()).slice(0, 1), older],
        readSlice: (at, index) => at === older.at ? sliceAt(SEED, at, index) : snapshots.readSlice(at, index),
      },
    }))
    const tooFar = await makeLog(trimsTooFar)
    await refuses(tooFar, said(12, 12), /the base is 4, and the older snapshot covers 3/)
  })

  it("judge() refuses a log that is shorter than it was seen before", async () => {
    const judge = new FramesJudge(subject)
    await judge.judge(await makeLog(), said(9, 12))
    const shorter = await memoryAdapter().open("frames", { durability: "none", create: true })
    await assert.rejects(judge.judge(shorter, said(0, 12)), /the head is 0 and was 12 before/)
  })
})
