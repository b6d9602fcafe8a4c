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
  {
    id: "process/second-opener",
    title: "a store that another process has open is shared, or refused as locked; the other process is not disturbed",
    level: "MUST",
    requires: ["durable", "processes"],
    rule: "Several processes may have the same store open at once.",
    why: "A second window that is let in where it must not be writes over the first one's data.",
    run: async (trial) => (await import("./runs/held.ts")).openBeside(trial),
  },
  {
    id: "process/killed-holder",
    title: "a store that a killed process had open can be opened at once, with all that was acknowledged",
    level: "MUST",
    requires: ["durable", "processes"],
    rule: "Frames outlive the process.",
    why: "A lock that outlives its process blocks the program until somebody removes a file by hand.",
    run: async (trial) => (await import("./runs/held.ts")).killHolders(trial),
  },
  {
    id: "process/stopped-holder",
    title: "a process that is stopped in the middle of an append and goes on later overwrites nobody's frames",
    level: "MUST",
    requires: ["durable", "processes"],
    rule: "Stores `frame` at `position` if and only if the head is `position - 1`.",
    why: "Laptops sleep and containers are frozen; a process that wakes up and writes what it had in mind destroys what came since.",
    run: async (trial) => (await import("./runs/held.ts")).stopHolder(trial),
  },
  {
    id: "process/clock-jumps",
    title: "clocks that are a year ahead or behind, of processes and of files, change nothing",
    level: "MUST",
    requires: ["durable", "processes"],
    rule: "Frames outlive the process.",
    why: "Clocks are set, and differ between devices; a store that believes them is locked for a year, or loses its order.",
    run: async (trial) => (await import("./runs/held.ts")).jumpClocks(trial),
  },
  {
    id: "process/hears-others",
    title: "a listener hears of the appends of other processes",
    level: "MUST",
    requires: ["durable", "watch", "multiProcess", "processes"],
    rule: "Calls `listener` soon after another handle appended, where `capabilities.watch` says so",
    why: "A second window shows old data until it happens to write.",
    run: async (trial) => (await import("./runs/held.ts")).hearOthers(trial),
  },
]
