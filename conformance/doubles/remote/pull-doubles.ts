/** Faults of pulls, and of limits. */
import { BatchTooLarge, CorruptBytes } from "../../../kernel/errors.ts"
import type { Cursor, Part, PassedRange, PullAnswer, PullRequest } from "../../../kernel/ports/remote.ts"
import { type PlainBlock, type PlainFrame, PlainLog } from "./plain-log.ts"
import { logDouble, type RemoteDouble, remoteDouble } from "./plain-remote.ts"

export const pullDoubles: readonly RemoteDouble[] = [
  logDouble("answers a pull of an empty store by a restart", ["pull/empty-store", "cursor/start"], () =>
    new class extends PlainLog {
      override contains(cursor: Cursor): boolean {
        return this.frames.length > 0 && super.contains(cursor)
      }
      override isKnown(): boolean {
        return true
      }
    }()),
  logDouble("answers a pull from the head by a restart", "pull/at-head", () =>
    new class extends PlainLog {
      override pull(...rest: Parameters<PlainLog["pull"]>): PullAnswer {
        const answer = super.pull(...rest)
        const isAtHead = rest[0].cursor.position === this.frames.length && this.frames.length > 0
        return isAtHead ? { kind: "restart", at: this.restartAt(), serverTimeMillis: this.now() } : answer
      }
    }()),
  logDouble("never says that a page is the last one", ["pull/empty-store", "pull/at-head"], () =>
    new class extends PlainLog {
      override page(request: PullRequest): PullAnswer {
        const page = super.page(request)
        return page.kind === "page" ? { ...page, upToDate: false } : page
      }
    }()),
  logDouble("sends everything at once", "pull/page-sizes", () =>
    new class extends PlainLog {
      override fits(): boolean {
        return true
      }
    }()),
  logDouble("passes over what does not fit a page", "pull/page-sizes", () =>
    new class extends PlainLog {
      override page(request: PullRequest): PullAnswer {
        const page = super.page(request)
        const head = this.frames.length
        return page.kind === "page" && head > 0 ? { ...page, next: this.head, upToDate: true, head } : page
      }
    }()),
  logDouble("sends no frame that is larger than was asked", ["pull/at-least-one", "limit/tiny-page"], () =>
    new class extends PlainLog {
      override page(request: PullRequest): PullAnswer {
        const page = super.page(request)
        const isOver = page.kind === "page" && !super.fits([], page.parts, request.partsBytesMax)
        return isOver ? { ...page, parts: [], ranges: [], next: request.cursor, upToDate: false } : page
      }
    }()),
  logDouble("cuts frames between their blocks", "pull/frames-whole", () =>
    new class extends PlainLog {
      override append(parts: readonly Part[]): void {
        for (const part of parts) super.append([part])
      }
    }()),
  logDouble("begins with the frame of the cursor itself", ["pull/from-anywhere", "restart/pull"], () =>
    new class extends PlainLog {
      override page(request: PullRequest): PullAnswer {
        const page = super.page(request)
        const frame = this.frames[request.cursor.position - 1]
        return page.kind === "page" && frame !== undefined && page.next.position > request.cursor.position
          ? { ...page, parts: [...frame.parts, ...page.parts] }
          : page
      }
    }()),
  logDouble("sends each frame once", ["pull/repeated", "pull/changes-nothing"], () =>
    new class extends PlainLog {
      readonly #sent = new Set<PlainFrame>()
      override split(frame: PlainFrame, have: readonly PassedRange[]): ReturnType<PlainLog["split"]> {
        if (this.#sent.has(frame)) return [[], []]
        this.#sent.add(frame)
        return super.split(frame, have)
      }
    }()),
  logDouble("writes down who pulls", "pull/changes-nothing", () =>
    new class extends PlainLog {
      override pull(...rest: Parameters<PlainLog["pull"]>): PullAnswer {
        const answer = super.pull(...rest)
        if (rest[0].cursor.position > 0) this.append([])
        return answer
      }
    }()),
  logDouble(
    "puts each frame before the one of the greatest id",
    ["pull/causes-first", "pull/during-pushes"],
    () =>
      new class extends PlainLog {
        override append(parts: readonly Part[]): void {
          super.append(parts)
          this.frames.sort((a, b) => a.id.join() < b.id.join() ? -1 : 1)
        }
      }(),
  ),
  logDouble("shows only every other part while somebody pushes", "pull/during-pushes", () =>
    new class extends PlainLog {
      override page(request: PullRequest): PullAnswer {
        const page = super.page(request)
        const isBusy = this.frames.length < 80
        return page.kind === "page" && isBusy ? { ...page, parts: page.parts.filter((_, at) => at % 2 === 1) } : page
      }
    }()),
  logDouble(
    "leaves out everything once a puller says what it has",
    ["range/own-blocks", "range/strangers"],
    () =>
      new class extends PlainLog {
        override isPassed(...[, , have]: Parameters<PlainLog["isPassed"]>): boolean {
          return have.length > 0
        }
      }(),
  ),
  logDouble("leaves nothing out", "range/are-left-out", () =>
    new class extends PlainLog {
      override isPassed(): boolean {
        return false
      }
    }()),
  logDouble("leaves out all of a writer that the puller names", "range/not-beyond", () =>
    new class extends PlainLog {
      override isPassed(...[range, columns, have]: Parameters<PlainLog["isPassed"]>): boolean {
        return super.isPassed(range, columns, have.map((entry) => ({ ...entry, seq: 2 ** 31 })))
      }
    }()),
  logDouble("leaves out blocks that withhold something", "range/withheld", () =>
    new class extends PlainLog {
      override isPassed(...[{ writer, seq }, , have]: Parameters<PlainLog["isPassed"]>): boolean {
        return have.some((entry) => entry.writer.join() === writer.join() && entry.seq >= seq)
      }
    }()),
  logDouble("does not know what to do with writers that it never heard of", "range/strangers", () =>
    new class extends PlainLog {
      override page(request: PullRequest): PullAnswer {
        for (const { writer } of request.have) if (!this.pairs.has(writer.join())) throw new Error("who is that")
        return super.page(request)
      }
    }()),
]

export const cursorDoubles: readonly RemoteDouble[] = [
  logDouble("compares positions alone", ["cursor/another-id", "basis/unknown"], () =>
    new class extends PlainLog {
      override contains({ position }: Cursor): boolean {
        return position <= this.frames.length
      }
    }()),
  logDouble("fails at a cursor above its head", "cursor/above-head", () =>
    new class extends PlainLog {
      override contains(cursor: Cursor): boolean {
        if (cursor.position > this.frames.length) {
          throw new CorruptBytes({ what: "a cursor", byteOffset: 0, reason: "it is above the head" })
        }
        return super.contains(cursor)
      }
    }()),
  logDouble("answers a page without parts to a cursor above its head", "cursor/above-head", () =>
    new class extends PlainLog {
      override contains(cursor: Cursor): boolean {
        return cursor.position > this.frames.length || super.contains(cursor)
      }
    }()),
  logDouble("sends those who restart to its head", ["cursor/after-a-restart", "cursor/another-id"], () =>
    new class extends PlainLog {
      override restartAt(): Cursor {
        return this.head
      }
    }()),
  logDouble("names its frames by their positions", ["cursor/other-store", "wipe/cursors"], () =>
    new class extends PlainLog {
      override drawId(): Uint8Array<ArrayBuffer> {
        return new Uint8Array(16).fill(this.frames.length + 1)
      }
    }()),
  (() => {
    const shared = new Map<PlainLog, PlainLog["pairs"]>()
    let pairs: PlainLog["pairs"] = new Map()
    return logDouble("keeps one vector for all stores", "store/apart", () => {
      // Two logs are made for each subject, the first one before anything is pushed.
      if (shared.size % 2 === 0) pairs = new Map()
      const log = new PlainLog()
      shared.set(log, pairs)
      log.pairs = pairs
      return log
    })
  })(),
]

export const limitDoubles: readonly RemoteDouble[] = [
  logDouble("takes a byte less than it announces", "limit/bytes", () =>
    new class extends PlainLog {
      override checkSize(bytes: number, blocks: readonly PlainBlock[]): void {
        super.checkSize(bytes + 1, blocks)
      }
    }()),
  logDouble("does not count operations", "limit/operations", () =>
    new class extends PlainLog {
      override checkSize(bytes: number, blocks: readonly PlainBlock[]): void {
        super.checkSize(bytes, blocks.slice(0, 1))
      }
    }()),
  logDouble("takes no push with as many parts as it announces", "limit/parts", () =>
    new class extends PlainLog {
      override checkSize(bytes: number, blocks: readonly PlainBlock[]): void {
        const { partsBytesMax: bytesMax, operationsMax, partsMax } = this.limits
        if (blocks.length >= partsMax) throw new BatchTooLarge({ bytes, bytesMax, operations: 0, operationsMax })
        super.checkSize(bytes, blocks)
      }
    }()),
  logDouble("keeps to what is asked for, whatever it announced", "limit/pages", () =>
    new class extends PlainLog {
      override fits(parts: readonly Part[], more: readonly Part[], partsBytesMax: number): boolean {
        return [...parts, ...more].reduce((sum, { content }) => sum + content.length, 0) <= partsBytesMax
      }
    }()),
  remoteDouble("counts bytes in 32 bits", "limit/tiny-page", (remote) => ({
    pull: (request, options) => {
      const partsBytesMax = request.partsBytesMax | 0
      return partsBytesMax > 0 ? remote.pull({ ...request, partsBytesMax }, options) : Promise.reject(new Error("too small"))
    },
  })),
]
