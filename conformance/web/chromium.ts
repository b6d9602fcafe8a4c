/**
 * Chromium without a window: that of the environment's `CHROMIUM_PATH`, else the one that npm has for Linux on x64, unpacked once into `build/`.
 *
 *   build/chromium-153.0.0/    chromium · lib/, libraries that not every machine has
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { createReadStream, createWriteStream, existsSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises"
import { arch, platform, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { pipeline } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { createBrotliDecompress } from "node:zlib"
import { bundleFor } from "./bundle.ts"
import type { FoundRuntime, RunningRuntime } from "./runtime.ts"

const PACKAGE = "@sparticuz/chromium"
const BUILD = fileURLToPath(new URL("../../build", import.meta.url))
/** Pages of ours alone are opened, by whoever may be root; nothing is asked of anybody outside. */
const ARGUMENTS = [
  "--headless",
  "--remote-debugging-pipe", // so that it ends with this process
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
]
const ERROR_CHARS_MAX = 4000

interface Program {
  readonly path: string
  /** Where its libraries are, if it brings any. */
  readonly libraries?: string
}

/** That which this machine has; or why its platform has none. Rejects where one should be there, and is not or does not start. */
export const findChromium = async (): Promise<FoundRuntime | string> => {
  const path = process.env["CHROMIUM_PATH"]
  const program = path === undefined ? await unpack() : { path }
  if (typeof program === "string") return program
  const { stdout } = await promisify(execFile)(program.path, ["--version"], { env: environmentOf(program) })
  const version = /\d+(\.\d+)+/.exec(stdout)?.[0]
  if (version === undefined) throw new Error(`${program.path} has no version: ${stdout}`)
  return { name: `Chromium ${version}`, script: await bundleFor("page"), start: (host, query) => startPage(program, `${host}/?${query}`) }
}

const environmentOf = ({ libraries }: Program): NodeJS.ProcessEnv =>
  libraries === undefined ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries }

/** Unpacks the package, if that was not done before. */
const unpack = async (): Promise<Program | string> => {
  if (platform() !== "linux" || arch() !== "x64") return "npm has no Chromium for this platform; CHROMIUM_PATH can name one"
  const packageFolder = dirname(dirname(fileURLToPath(import.meta.resolve(PACKAGE))))
  const { version } = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8"))
  const folder = join(BUILD, `chromium-${version}`)
  if (!existsSync(folder)) {
    await mkdir(BUILD, { recursive: true })
    const partial = await mkdtemp(`${folder}-`)
    const inflate = (from: string, to: string, mode: number): Promise<void> =>
      pipeline(createReadStream(join(packageFolder, "bin", from)), createBrotliDecompress(), createWriteStream(join(partial, to), { mode }))
    await Promise.all([inflate("chromium.br", "chromium", 0o755), inflate("al2023.tar.br", "lib.tar", 0o644)])
    await promisify(execFile)("tar", ["-xf", "lib.tar"], { cwd: partial })
    await rm(join(partial, "lib.tar"))
    // Another process may have been first.
    await rename(partial, folder).catch(async (error) => {
      await rm(partial, { recursive: true })
      if (!existsSync(folder)) throw error
    })
  }
  return { path: join(folder, "chromium"), libraries: join(folder, "lib") }
}

/** Opens a page in a Chromium of its own. */
const startPage = async (program: Program, url: string): Promise<RunningRuntime> => {
  const profile = await mkdtemp(join(tmpdir(), "persist-chromium-"))
  const child = spawn(program.path, [...ARGUMENTS, `--user-data-dir=${profile}`, url], {
    env: environmentOf(program),
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
  })
  let errors = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => errors = (errors + text).slice(-ERROR_CHARS_MAX))
  const { promise: broken, reject } = Promise.withResolvers<never>()
  broken.catch(() => {}) // whoever has ended it does not listen
  child.on("error", reject)
  const ended = once(child, "close").then(([code, signal]) => reject(new Error(`Chromium ended with ${signal ?? code}\n${errors}`)), reject)
  return {
    broken,
    async end() {
      child.kill("SIGKILL")
      await ended
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
