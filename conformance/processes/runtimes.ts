/** Runtimes: how each runs a program of ours, and how this one runs another like itself. */
import process from "node:process"

export type Runtime = "node" | "deno" | "bun"

/** How each runtime runs a program of ours. */
export const RUNTIMES: Readonly<Record<Runtime, readonly [string, ...string[]]>> = {
  node: ["node"],
  deno: ["deno", "run", "-A", "--no-check"],
  bun: ["bun"],
}

/** Options of a runtime that are about its own program, not about how modules are loaded. */
const OF_ONE_PROGRAM = /^(-[epc]$|--(eval|print|check|input-type|test|watch|inspect|debug|run)\b)/

/** How a program is run as this one is: by the same executable, with the same ways to load modules. */
export const ownCommand = (): readonly [string, ...string[]] => {
  if ("Deno" in globalThis) return [process.execPath, "run", "-A", "--no-check"]
  return [process.execPath, ...process.execArgv.filter((option) => option.startsWith("--") && !OF_ONE_PROGRAM.test(option))]
}
