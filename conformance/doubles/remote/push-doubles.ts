/** Faults of handshakes and of pushes that are taken. */
import type { Part, PushAnswer } from "../../../kernel/ports/remote.ts"
import { OperationKind } from "../../../kernel/model/operation.ts"
import { CorruptBytes } from "../../../kernel/errors.ts"
import { type PlainBlock, PlainLog } from "./plain-log.ts"
import { logDouble, type RemoteDouble, remoteDouble } from "./plain-remote.ts"

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

export const handshakeDoubles: readonly RemoteDouble[] = [
  remoteDouble("announces that it takes no parts", "handshake/answer", (remote) => ({
    async handshake(options) {
      const answer = await remote.handshake(options)
      return { ...answer, limits: { ...answer.limits, partsMax: 0 } }
    },
  })),
  remoteDouble("says that nobody may relay", "handshake/rights", (remote) => ({
    async handshake(options) {
      const answer = await remote.handshake(options)
      return { ...answer, rights: { ...answer.rights, relay: false } }
    },
  })),
  logDouble("names an empty store's head", "handshake/empty-store", () =>
    new class extends PlainLog {
      override get head() {
        return this.frames.length === 0 ? { position: 0, id: new Uint8Array(16).fill(1) } : super.head
      }
    }()),
  logDouble("writes down every handshake", "handshake/repeated", () =>
    new class extends PlainLog {
      override handshake(...rest: Parameters<PlainLog["handshake"]>) {
        if (this.frames.length > 0) this.append([])
        return super.handshake(...rest)
      }
    }()),
  remoteDouble("answers every handshake as the first one", ["handshake/head", "handshake/repeated"], (remote) => {
    let first: ReturnType<typeof remote.handshake> | undefined
    return { handshake: (options) => first ??= remote.handshake(options) }
  }),
  logDouble("has a clock that runs backwards", "handshake/time", () =>
    new class extends PlainLog {
      #millis = Date.now()
      override now(): number {
        return this.#millis -= 10
      }
    }()),
]

export const pushDoubles: readonly RemoteDouble[] = [
  logDouble("cuts the last byte off each part", "push/first", () =>
    new class extends PlainLog {
      override append(parts: readonly Part[]): void {
        super.append(parts.map(({ type, content }) => ({ type, content: content.slice(0, -1) })))
      }
      override isPassed(): boolean {
        return false
      }
      override split(...[{ parts }]: Parameters<PlainLog["split"]>): ReturnType<PlainLog["split"]> {
        return [parts, []]
      }
    }()),
  logDouble("tells what was sent, not what it has", "push/pairs", () =>
    new class extends PlainLog {
      override ok(blocks: readonly PlainBlock[]): PushAnswer {
        const answer = super.ok(blocks)
        if (answer.kind !== "ok") return answer
        const sent = (writer: Uint8Array): number =>
          Math.max(...blocks.filter((block) => block.writer === writer.join()).map(({ columns }) => columns.to))
        return { ...answer, pairs: answer.pairs.map((pair) => ({ ...pair, seq: sent(pair.writer) })) }
      }
    }()),
  logDouble("tells the pairs of all writers", "push/pairs", () =>
    new class extends PlainLog {
      override ok(blocks: readonly PlainBlock[]): PushAnswer {
        const all = [...this.pairs.keys()].map((writer) => ({ ...blocks[0]!, writer }))
        return super.ok(all)
      }
    }()),
  logDouble("stores an empty frame behind each push", "push/dense", () =>
    new class extends PlainLog {
      override append(parts: readonly Part[]): void {
        super.append(parts)
        super.append([])
      }
    }()),
  logDouble("makes a frame of each block", "push/several-writers", () =>
    new class extends PlainLog {
      override append(parts: readonly Part[]): void {
        for (const part of parts) super.append([part])
      }
    }()),
  logDouble("sorts the blocks of a push", "push/several-writers", () =>
    new class extends PlainLog {
      override append(parts: readonly Part[]): void {
        super.append([...parts].sort((a, b) => a.content.join() < b.content.join() ? -1 : 1))
      }
    }()),
  logDouble("stores everything that comes", "push/retry", () =>
    new class extends PlainLog {
      override brings(): boolean {
        return true
      }
    }()),
  logDouble("knows pushes again for 100 frames", "push/late-retry", () =>
    new class extends PlainLog {
      override brings(block: PlainBlock): boolean {
        return this.frames.length > 100 ? true : super.brings(block)
      }
    }()),
  logDouble("takes no range that overlaps", ["push/overlap", "push/overlap-in-one"], () =>
    new class extends PlainLog {
      override hasGap(blocks: readonly PlainBlock[]): boolean {
        return blocks.some((block) => {
          const { seq } = this.pairOf(block.writer)
          return block.columns.from < seq && block.columns.to > seq
        }) || super.hasGap(blocks)
      }
    }()),
  logDouble("stores all blocks of a push of which one brings something", "push/overlap-in-one", () =>
    new class extends PlainLog {
      override take(blocks: readonly PlainBlock[], ...rest: [Parameters<PlainLog["take"]>[1]]): PushAnswer {
        if (!blocks.some((block) => this.brings(block))) return this.ok(blocks)
        for (const block of blocks) this.fold(block, ...rest)
        this.append(blocks.map(({ part }) => part))
        return this.ok(blocks)
      }
    }()),
  logDouble("wants every number to be listed", "push/void", () =>
    new class extends PlainLog {
      override read(...rest: Parameters<PlainLog["read"]>): readonly PlainBlock[] {
        const blocks = super.read(...rest)
        for (const { columns: { from, to, count, withheld } } of blocks) {
          if (count + withheld.length < to - from) throw new CorruptBytes({ what: "a push", byteOffset: 0, reason: "a number is missing" })
        }
        return blocks
      }
    }()),
  logDouble("forgets which numbers were withheld", ["push/withheld", "refusal/withheld"], () =>
    new class extends PlainLog {
      override fold(...rest: Parameters<PlainLog["fold"]>): void {
        super.fold(...rest)
        this.pairOf(rest[0].writer).withheld.clear()
      }
    }()),
  logDouble("knows no links to what the same push brings", "push/links", () =>
    new class extends PlainLog {
      override isReached(writer: string, seq: number): boolean {
        return this.pairOf(writer).seq >= seq
      }
    }()),
  logDouble("takes puts and deletes alone", "push/kinds", () =>
    new class extends PlainLog {
      override refusalOf(...rest: Parameters<PlainLog["refusalOf"]>) {
        return rest[0].columns.kinds[rest[1]]! > OperationKind.delete ? "op_invalid" as const : super.refusalOf(...rest)
      }
    }()),
  logDouble("takes no stamp of before this year", "push/old-stamps", () =>
    new class extends PlainLog {
      override isAhead(...rest: Parameters<PlainLog["isAhead"]>): boolean {
        return rest[0].columns.millis[rest[1]]! < this.now() - 365 * 86_400_000 || super.isAhead(...rest)
      }
    }()),
  logDouble("takes values up to 64 KiB", "push/values", () =>
    new class extends PlainLog {
      override isValueValid(...rest: Parameters<PlainLog["isValueValid"]>): boolean {
        const [{ columns: { valueStarts, valueEnds } }, row] = rest
        return valueEnds[row]! - valueStarts[row]! <= 65_536 && super.isValueValid(...rest)
      }
    }()),
  logDouble("keeps the caller's bytes instead of a copy", "push/callers-bytes", () =>
    new class extends PlainLog {
      override read(...rest: Parameters<PlainLog["read"]>): readonly PlainBlock[] {
        return super.read(...rest).map((block, at) => ({ ...block, part: rest[0].parts[at]! }))
      }
      override split(...[{ parts }]: Parameters<PlainLog["split"]>): ReturnType<PlainLog["split"]> {
        return [parts, []]
      }
    }()),
  remoteDouble("stores the first half of a push that is given up", "push/given-up", (remote) => ({
    async push(request, options) {
      await remote.push({ ...request, parts: request.parts.slice(0, 1) }, options)
      await later()
      return await remote.push(request, options)
    },
  })),
  logDouble(
    "judges a push, then waits, then stores it whatever has come",
    ["push/same-at-once", "beside/same"],
    () =>
      new class extends PlainLog {
        override async take(blocks: readonly PlainBlock[], ...rest: [Parameters<PlainLog["take"]>[1]]): Promise<PushAnswer> {
          const taken = blocks.filter((block) => this.brings(block))
          await later()
          for (const block of taken) this.fold(block, ...rest)
          if (taken.length > 0) this.append(taken.map(({ part }) => part))
          return this.ok(blocks)
        }
      }(),
  ),
  logDouble(
    "chooses a position, then waits, then overwrites what is there",
    ["push/many-at-once", "beside/race"],
    () =>
      new class extends PlainLog {
        override async take(blocks: readonly PlainBlock[], ...rest: [Parameters<PlainLog["take"]>[1]]): Promise<PushAnswer> {
          const position = this.frames.length
          await later()
          for (const block of blocks) this.fold(block, ...rest)
          this.frames[position] = { id: this.drawId(), parts: blocks.map(({ part }) => part) }
          return this.ok(blocks)
        }
      }(),
  ),
]
