/** The baseline of `full`: the bare calls, a write into a preallocated file and fdatasync, of as many bytes as a frame of one put has. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import type { Contender, Round } from "./contender.ts"

/** Bytes of a frame with one put of the bench's input, with the file adapter's header. */
const FRAME_BYTES = 280
const FILE_BYTES = 4_194_304

export function rawFile(operations: number): Contender {
  return {
    name: "bare write + fdatasync",
    durability: "full",
    open(folder): Promise<Round> {
      const file = openSync(join(folder, "raw"), "w+"), frame = new Uint8Array(FRAME_BYTES).fill(7)
      writeSync(file, new Uint8Array(FILE_BYTES), 0, FILE_BYTES, 0)
      fdatasyncSync(file)
      return Promise.resolve({
        async chunk(iteration) {
          for (let i = 0; i < operations; i++) {
            writeSync(file, frame, 0, FRAME_BYTES, ((iteration * operations + i) * FRAME_BYTES) % (FILE_BYTES - FRAME_BYTES))
            fdatasyncSync(file)
            await undefined
          }
        },
        close: () => closeSync(file),
      })
    },
  }
}
