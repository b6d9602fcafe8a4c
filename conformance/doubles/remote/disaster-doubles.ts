/** Faults that show when a process ends under load, when a store goes back to a copy, and at the edges of what operations may have. */
import type { PushAnswer } from "../../../kernel/ports/remote.ts"
import type { Person } from "../../remote/trial.ts"
import { type PlainBlock, PlainLog } from "./plain-log.ts"
import { logDouble, type RemoteDouble } from "./plain-remote.ts"

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** A log that forgets what is under way when it starts anew. */
class MortalLog extends PlainLog {
  starts = 0

  override restart(): void {
    this.starts += 1
  }
}

export const disasterDoubles: readonly RemoteDouble[] = [
  logDouble("stores a push block by block", "restart/under-way", () =>
    new class extends MortalLog {
      #pushes = 0
      override async take(blocks: readonly PlainBlock[], person: Person): Promise<PushAnswer> {
        const { starts } = this
        // Of those that come at once each takes another time, so that some are always half done.
        const millis = 20 + 30 * (this.#pushes++ % 3)
        for (const [at, block] of blocks.entries()) {
          if (at > 0) await pause(millis)
          if (this.starts !== starts) throw new Error("it was killed")
          super.take([block], person)
        }
        return this.ok(blocks)
      }
    }()),
  logDouble("answers before it has stored", "restart/under-way", () =>
    new class extends MortalLog {
      override take(blocks: readonly PlainBlock[], person: Person): PushAnswer {
        const { starts } = this
        void pause(1000).then(() => this.starts === starts && super.take(blocks, person))
        return this.ok(blocks)
      }
    }()),
  logDouble("loses the last frame whenever one of its processes starts anew", "beside/rolling", () =>
    new class extends PlainLog {
      override restart(): void {
        this.frames.pop()
      }
    }()),
  logDouble(
    "forgets what it has of each writer whenever one of its processes starts anew",
    "beside/rolling",
    () =>
      new class extends PlainLog {
        override restart(): void {
          this.pairs = new Map()
        }
      }(),
  ),
  logDouble("numbers its frames and draws no ids", "backup/older", () =>
    new class extends PlainLog {
      override drawId(): Uint8Array<ArrayBuffer> {
        return new Uint8Array(16).fill(this.frames.length + 1)
      }
    }()),
  logDouble("keeps apart from the log what it has of each writer", "backup/older", () =>
    new class extends PlainLog {
      override restore(copy: Parameters<PlainLog["restore"]>[0]): void {
        super.restore({ ...copy, pairs: this.pairs })
      }
    }()),
  logDouble("draws new ids when it is restored", "backup/older", () =>
    new class extends PlainLog {
      override restore(copy: Parameters<PlainLog["restore"]>[0]): void {
        super.restore({ ...copy, frames: copy.frames.map(({ parts }) => ({ id: this.drawId(), parts })) })
      }
    }()),
  logDouble("has room for keys of 255 bytes", "limit/edges", () =>
    new class extends PlainLog {
      override isKeyValid(block: PlainBlock, row: number): boolean {
        const { keyStarts, keyEnds } = block.columns
        return keyEnds[row]! - keyStarts[row]! <= 255 && super.isKeyValid(block, row)
      }
    }()),
  logDouble("takes values of any depth", "limit/edges", () =>
    new class extends PlainLog {
      override isValueValid(block: PlainBlock, row: number): boolean {
        const { bytes, valueStarts } = block.columns
        return bytes[valueStarts[row]!] === 0x91 || super.isValueValid(block, row)
      }
    }()),
]
