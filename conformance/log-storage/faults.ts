/** Faults of the system: a kill at each call with which a process writes, and calls that fail. What is done stands in `runs/`. */
import type { Fault } from "../processes/trace.ts"
import type { FailingWork } from "./runs/failing.ts"
import { type Action, appends, bytesUpTo } from "./runs/work.ts"
import type { LogStorageCase, LogStorageTrial } from "./trial.ts"

const SURVIVES = "What an acknowledged write has survived."
const WHOLE = "It appears whole or not at all: one that was not finished is gone at the next open, and a rejected call leaves nothing."

const TRUE_ERRORS = "the log is unchanged; after any other failure the outcome is unknown until the position is read back."

/** What a write can fail with: once, or from then on. */
const errors = (isLasting: boolean): readonly Fault[] => ["EIO", "ENOSPC", "EDQUOT"].map((errno) => ({ kind: "error", errno, isLasting }))

/** Two snapshots behind five frames, where there are any. */
const twoSnapshots = (trial: LogStorageTrial): readonly Action[] =>
  trial.capabilities.snapshots ? [{ do: "snapshot", at: 2 }, { do: "snapshot", at: 4 }] : []

/** All that writes. */
const everything = (trial: LogStorageTrial): { readonly set: "writes"; readonly work: readonly Action[] } => ({
  set: "writes",
  work: [
    { do: "open" },
    ...appends(3),
    { do: "append", bytes: bytesUpTo(trial, 20_000) },
    { do: "flush" },
    ...appends(1),
    ...twoSnapshots(trial),
    ...trial.capabilities.snapshots ? [{ do: "trim", through: 4 } as const] : [],
    ...appends(2),
    { do: "close" },
    { do: "open" },
    ...appends(1),
    { do: "close" },
  ],
})

const readErrors = (isLasting: boolean): readonly Fault[] => [{ kind: "error", errno: "EIO", isLasting }]

/** Reading what another process has written. */
const reading = (trial: LogStorageTrial): Omit<FailingWork, "work" | "faults"> => ({
  prepare: [{ do: "open" }, ...appends(5), { do: "append", bytes: bytesUpTo(trial, 20_000) }, ...twoSnapshots(trial), { do: "close" }],
  set: "reads",
  wrongErrors: ["FormatTooNew", "StoreNotFound"],
  runsMax: 24,
})

export const faultCases: readonly LogStorageCase[] = [
  {
    id: "fault/killed-creating",
    title: "a process that is killed at any write of making a store leaves it empty or not there",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: "The store did not exist before.",
    why: "A store that is half made can be neither opened nor made, and blocks the program at every start.",
    run: async (trial) =>
      (await import("./runs/killed.ts")).killAtEachWrite(trial, { before: [], work: [{ do: "open" }, { do: "close" }] }),
  },
  {
    id: "fault/killed-appending",
    title: "I23 I24 a process that is killed at any write of its appends leaves a prefix with all that was acknowledged",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: SURVIVES,
    why: "There is one write between two states of a file; a log that is not whole there loses data at a kill that nobody can reproduce.",
    run: async (trial) =>
      (await import("./runs/killed.ts")).killAtEachWrite(trial, {
        before: [{ do: "open" }, ...appends(2)],
        work: [
          ...appends(2),
          { do: "append", bytes: bytesUpTo(trial, 20_000) },
          { do: "append", bytes: bytesUpTo(trial, 300_000) },
          { do: "flush" },
          ...appends(2),
          { do: "close" },
          { do: "open" },
          ...appends(1),
        ],
      }),
  },
  {
    id: "fault/killed-saving",
    title: "a process that is killed at any write of a snapshot leaves the older ones, and the new one whole or not at all",
    level: "MUST",
    requires: ["durable", "faults", "snapshots"],
    rule: WHOLE,
    why: "The older snapshots are all there is of trimmed frames; a half-written one must not take their place.",
    run: async (trial) =>
      (await import("./runs/killed.ts")).killAtEachWrite(trial, {
        before: [{ do: "open" }, ...appends(4), { do: "snapshot", at: 1 }, { do: "snapshot", at: 2 }],
        work: [{ do: "snapshot", at: 3 }, ...appends(1), { do: "snapshot", at: 5 }, { do: "close" }],
      }),
  },
  {
    id: "fault/killed-trimming",
    title: "a process that is killed at any write of a trim leaves every frame that the older snapshot does not cover",
    level: "MUST",
    requires: ["durable", "faults", "snapshots"],
    rule: "No crash can make it drop more.",
    why: "A base that falls back, or that is ahead of the frames, makes a healthy store look damaged.",
    run: async (trial) =>
      (await import("./runs/killed.ts")).killAtEachWrite(trial, {
        before: [{ do: "open" }, ...appends(12), { do: "snapshot", at: 5 }, { do: "snapshot", at: 9 }],
        work: [{ do: "trim", through: 9 }, ...appends(2), { do: "close" }],
      }),
  },
  {
    id: "fault/killed-recovering",
    title: "I24 a process that is killed at any write of an open after a kill changes nothing of what the next open finds",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: SURVIVES,
    why: "Programs that crash at start are started again and again; a recovery that is not repeatable loses a bit more each time.",
    run: async (trial) => (await import("./runs/killed.ts")).killAtEachWriteOfRecovery(trial),
  },
  {
    id: "fault/killed-removing",
    title: "a process that is killed at any write of removing a store leaves it whole, or gone",
    level: "SHOULD",
    requires: ["durable", "faults"],
    rule: "Removes a store with everything that belongs to it.",
    why: "A store of which a part is left can be neither opened nor made anew.",
    run: async (trial) =>
      (await import("./runs/killed.ts")).killAtEachWrite(trial, {
        before: [{ do: "open" }, ...appends(5), { do: "close" }],
        work: [{ do: "destroy" }],
      }),
  },
  {
    id: "fault/failed-writes",
    title: "a write that fails once is told as it is: nothing is lost, made up or stored twice, and trying again goes through",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: TRUE_ERRORS,
    why: "Disks that are full for a moment are everyday; a wrong word about what was stored makes the program lose or double it.",
    run: async (trial) =>
      (await import("./runs/failing.ts")).failAtEach(trial, { ...everything(trial), faults: errors(false), runsMax: 40 }),
  },
  {
    id: "fault/failing-disk",
    title:
      "a disk that fails from some write on takes nothing of what was acknowledged before, and gets no false word about what comes after",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: TRUE_ERRORS,
    why: "Disks fill up and die while programs write; what was acknowledged must be there when there is room again.",
    run: async (trial) =>
      (await import("./runs/failing.ts")).failAtEach(trial, { ...everything(trial), faults: errors(true), runsMax: 24 }),
  },
  {
    id: "fault/failed-opens",
    title: "a file that cannot be opened, since the process has too many, is no file that is missing",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: "then nothing was changed but folders made.",
    why: "A program that runs out of files must not take its stores for new ones and make them again.",
    run: async (trial) =>
      (await import("./runs/failing.ts")).failAtEach(trial, {
        prepare: [{ do: "open" }, ...appends(5), ...twoSnapshots(trial), { do: "close" }],
        work: [{ do: "open" }, { do: "read" }, ...appends(2), { do: "flush" }, { do: "close" }],
        set: "writes and opens",
        isWanted: (text) => / open(at)?\(/.test(text),
        faults: ["EMFILE", "ENFILE", "EACCES", "EIO"].map((errno) => ({ kind: "error", errno, isLasting: false })),
        wrongErrors: ["StoreNotFound"],
        mayNeedProcess: true,
        runsMax: 24,
      }),
  },
  {
    id: "fault/failed-flushes",
    title: "a flush that fails is told, and final: the handle takes nothing any more, until the store is opened again",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: "A failure is `FlushFailed`, and final.",
    why: "After a failed flush the system drops what it could not write and says so once; a second flush succeeds, and the data are gone.",
    run: async (trial) => (await import("./runs/flushed.ts")).failEachFlush(trial),
  },
  {
    id: "fault/reaches-device",
    title: "the device is told to flush before an append at the level full resolves, and before flush() does",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: "flushed to the device before `append` resolves.",
    why: "What is only with the operating system is gone when the power is.",
    run: async (trial) => (await import("./runs/flushed.ts")).seeFlushes(trial),
  },
  {
    id: "fault/names-reach-device",
    title: "folders in which files were made are flushed, too, before flush() resolves",
    level: "SHOULD",
    requires: ["durable", "faults"],
    rule: "Resolves when everything that was appended by this handle is on the device.",
    why: "A file whose name is not on the device is gone when the power is, with all the bytes in it.",
    run: async (trial) => (await import("./runs/flushed.ts")).seeFolderFlushes(trial),
  },
  {
    id: "fault/failed-reads",
    title: "bytes that cannot be read are an error: not the end of the log, not a store that is missing; nothing is repaired because of it",
    level: "MUST",
    requires: ["durable", "faults"],
    rule: "Frames after `after`, in order: the first is at `after + 1`. Empty if and only if `after` is the head.",
    why: "A cable that is loose for a moment must not make a program take its data for damaged, and repair them away.",
    run: async (trial) =>
      (await import("./runs/failing.ts")).failAtEach(trial, {
        ...reading(trial),
        work: [{ do: "open" }, { do: "read" }],
        faults: readErrors(false),
      }),
  },
  {
    id: "fault/failing-reads",
    title: "reads that fail while a store is written and closed, once or from then on, take nothing that was acknowledged",
    level: "SHOULD",
    requires: ["durable", "faults"],
    rule: SURVIVES,
    why:
      "What is copied from one file to another while reading fails may be anything; a log that trusts it is destroyed by a disk that recovers.",
    run: async (trial) =>
      (await import("./runs/failing.ts")).failAtEach(trial, {
        ...reading(trial),
        work: [{ do: "open" }, { do: "read" }, ...appends(1), { do: "flush" }, ...appends(1), { do: "close" }],
        faults: [...readErrors(false), ...readErrors(true)],
        mayNeedProcess: true,
      }),
  },
  {
    id: "fault/short-writes",
    title: "a limit on the size of files, at which writes get short, loses nothing that was acknowledged",
    level: "MUST",
    requires: ["durable", "limits"],
    rule: TRUE_ERRORS,
    why: "Where a disk is nearly full the system writes a part and says how much; who does not look has stored half a frame.",
    run: async (trial) => (await import("./runs/full.ts")).writeToLimit(trial),
  },
  {
    id: "fault/full-volume",
    title: "a volume that is full refuses what does not fit, keeps the rest, and takes more when there is room",
    level: "MUST",
    requires: ["durable", "volumes"],
    rule: TRUE_ERRORS,
    why: "Disks are full one day; a log must not be damaged by it, and must go on when somebody has made room.",
    run: async (trial) => (await import("./runs/full.ts")).fillVolume(trial),
  },
  {
    id: "fault/read-only-volume",
    title: "a volume that is mounted for reading only takes no frame, is not taken for empty, and goes on when it can be written again",
    level: "MUST",
    requires: ["durable", "volumes"],
    rule: TRUE_ERRORS,
    why:
      "Systems mount a volume for reading only when it has errors; a program that does not notice loses all that it writes from then on.",
    run: async (trial) => (await import("./runs/full.ts")).lockVolume(trial),
  },
  {
    id: "fault/few-files",
    title: "a process that may have 256 files open opens and closes stores for ever",
    level: "MUST",
    requires: ["durable", "limits"],
    rule: "and frees everything.",
    why: "A file that stays open at each open, or at each one that fails, ends a server after some days.",
    run: async (trial) => (await import("./runs/full.ts")).openOften(trial),
  },
  {
    id: "fault/closed-folder",
    title: "what may not be read is no empty place, and what may not be written stays as it is",
    level: "MUST",
    requires: ["durable", "permissions"],
    rule: "then nothing was changed but folders made.",
    why: "A program that is started as the wrong user must say so, and not begin anew beside the user's data.",
    run: async (trial) => (await import("./runs/full.ts")).closeFolder(trial),
  },
]
