/** Other processes: killed, stopped, at the same time, with another clock. What they do stands in `runs/`, loaded where there are processes. */
import type { LogStorageCase } from "./trial.ts"

const SURVIVES = "What an acknowledged write has survived."

export const processCases: readonly LogStorageCase[] = [
  {
    id: "process/killed-at-random",
    title: "I2 I24 a process that is killed at any moment loses nothing that was acknowledged, and leaves a log that goes on",
    level: "MUST",
    requires: ["durable", "processes"],
    rule: SURVIVES,
    why: "Phones and servers kill programs at any time; whoever was told that a write is stored must find it afterwards.",
    run: async (trial) => (await import("./runs/killed.ts")).killAtRandom(trial),
  },
  {
    id: "process/raced-appends",
    title: "I8 I11 of eight processes that append by compare-and-append none loses an increment: the history of all calls is linearizable",
    level: "MUST",
    requires: ["durable", "processes"],
    rule: "Stores `frame` at `position` if and only if the head is `position - 1`.",
    why: "Two windows or two servers on one store overwrite each other's data where comparing and storing are two steps.",
    run: async (trial) => (await import("./runs/raced.ts")).raceAppends(trial),
  },
  {
    id: "process/raced-first-open",
    title: "of eight processes that open a new store at once exactly one makes it",
    level: "MUST",
    requires: ["durable", "processes"],
    rule: "The store did not exist before.",
    why: "A store that is made twice loses what was written into the first one.",
    run: async (trial) => (await import("./runs/raced.ts")).raceFirstOpen(trial),
  },
]
