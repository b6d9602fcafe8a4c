/** Faults of the system: a kill at each call with which a process writes, and calls that fail. What is done stands in `runs/`. */
import { appends, bytesUpTo } from "./runs/work.ts"
import type { LogStorageCase } from "./trial.ts"

const SURVIVES = "What an acknowledged write has survived."
const WHOLE = "It appears whole or not at all: one that was not finished is gone at the next open, and a rejected call leaves nothing."

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
]
