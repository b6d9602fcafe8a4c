/**
 * Gzip of bodies, by what the runtime has: `node:zlib` at level 5 on Node, Deno and Bun, else `CompressionStream`, which has no levels and
 * takes three times as long (3.3 MB of records on one core: 24–35 ms against 64–110 ms, both to 24 %). Level 1 takes 13–21 ms, to 26–29 %;
 * level 6 saves another hundredth in twice the time. Bytes differ by runtime.
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"

/** Resolves with `bytes` as one gzip member. */
export type Gzip = (bytes: Bytes) => Promise<Bytes>

interface Zlib {
  gzip(bytes: Uint8Array, options: { level: number }, callback: (error: Error | null, zipped: Uint8Array<ArrayBuffer>) => void): void
}

const LEVEL = 5

/** Asks for the module by name at run time: in a bundle for browsers nothing refers to it. */
const findZlib = (): Zlib | undefined => {
  const { process } = globalThis as { readonly process?: { getBuiltinModule?(name: string): Zlib | undefined } }
  try {
    const zlib = process?.getBuiltinModule?.("node:zlib")
    return typeof zlib?.gzip === "function" ? zlib : undefined
  } catch {
    return undefined
  }
}

const gzipByZlib = (zlib: Zlib): Gzip => (bytes) =>
  new Promise((resolve, reject) => zlib.gzip(bytes, { level: LEVEL }, (error, zipped) => error === null ? resolve(zipped) : reject(error)))

/** For runtimes of the web. */
export const gzipByStream: Gzip = async (bytes) => {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** The fastest gzip there is; undefined where there is none. */
export const findGzip = (): Gzip | undefined => {
  const zlib = findZlib()
  if (zlib !== undefined) return gzipByZlib(zlib)
  return typeof CompressionStream === "function" ? gzipByStream : undefined
}
