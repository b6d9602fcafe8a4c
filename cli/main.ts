/**
 * `persist <command> …`: finds the command and runs it.
 *
 *   persist --help · persist <command> --help · persist --version
 *
 * Exit codes of every command: 0 done · 1 failed · 2 the call was wrong.
 */
import { existsSync, readFileSync } from "node:fs"
import type { Command } from "./command.ts"
import { conformanceCommand } from "./conformance.ts"

const COMMANDS: readonly Command[] = [conformanceCommand]

const helpOf = (commands: readonly Command[]): string => {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    "usage: persist <command> [arguments]",
    "",
    "commands",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "  persist <command> --help   what a command can be told, with an example",
    "  persist --version          the version of the package",
  ].join("\n")
}

/** The version of the package that this file is in, as a source or built. */
const readVersion = (): string => {
  let manifest = new URL("./package.json", import.meta.url)
  while (!existsSync(manifest)) manifest = new URL("../package.json", manifest)
  return String(JSON.parse(readFileSync(manifest, "utf8")).version)
}

const isHelp = (arg: string): boolean => arg === "--help" || arg === "-h"

/** Runs the arguments behind `persist`; answers the exit code. Rejects where a command does, which is a defect of it. */
export const main = async (args: readonly string[], commands: readonly Command[] = COMMANDS): Promise<number> => {
  const [name, ...rest] = args
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) {
    if (!rest.some(isHelp)) return await command.run(rest)
    console.log(command.help)
    return 0
  }
  if (name !== undefined && isHelp(name)) {
    console.log(helpOf(commands))
    return 0
  }
  if (name === "--version") {
    console.log(readVersion())
    return 0
  }
  const wrong = name === undefined ? "" : `persist has no ${name.startsWith("-") ? "option" : "command"} "${name}"\n`
  console.error(wrong + helpOf(commands))
  return 2
}
