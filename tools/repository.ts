/** The files of the repository, and how a check reports what it found. */
import { readdir, readFile } from "node:fs/promises"
import { dirname, join, relative, sep } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

/** Absolute path of the repository. */
export const ROOT: string = dirname(dirname(fileURLToPath(import.meta.url)))

const SKIPPED = new Set(["node_modules", ".git", "build", "dist", "coverage"])

/** Paths under `root` that end in one of `endings`, relative to it, with `/`, sorted. Build output and packages are left out. */
export const listFiles = async (root: string, ...endings: readonly string[]): Promise<readonly string[]> => {
  const found: string[] = []
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name)) await walk(path)
      } else if (entry.isFile() && endings.some((ending) => entry.name.endsWith(ending))) {
        found.push(relative(root, path).split(sep).join("/"))
      }
    }
  }
  await walk(root)
  return found.sort()
}

/** Text of one file of the repository at `root`. */
export const readText = (root: string, path: string): Promise<string> => readFile(join(root, path), "utf8")

/** A JSON file of the repository at `root`. The caller names the shape; the files are our own. */
export const readJson = async <T>(root: string, path: string): Promise<T> => JSON.parse(await readText(root, path)) as T

/** One thing that a check found wrong, with the place first: `kernel/log/log.ts: imports upwards …`. */
export type Violation = string

/** A check: pure reading, answers what is wrong in the repository at `root`. */
export type Check = (root: string) => Promise<readonly Violation[]>

/** Runs one check as a program: prints what is wrong, exits with 1 if anything is. */
export const runAsProgram = async (name: string, check: Check): Promise<void> => {
  const violations = await check(ROOT)
  for (const violation of violations) console.error(`${name}: ${violation}`)
  if (violations.length > 0) process.exitCode = 1
  else console.log(`${name}: ok`)
}
