/** Faults of pushes that must not be taken. */
import type { Part, PushAnswer, PushRequest, Refusal } from "../../../kernel/ports/remote.ts"
import { CorruptBytes } from "../../../kernel/errors.ts"
import type { Person } from "../../remote/trial.ts"
import { type PlainBlock, PlainLog } from "./plain-log.ts"
import { logDouble, type RemoteDouble } from "./plain-remote.ts"

export const refusalDoubles: readonly RemoteDouble[] = [
  logDouble("takes blocks behind a gap", ["refusal/gap", "refusal/order-of-blocks"], () =>
    new class extends PlainLog {
      override hasGap(): boolean {
        return false
      }
    }()),
  logDouble("fills gaps by what comes later in a push", "refusal/order-of-blocks", () =>
    new class extends PlainLog {
      override hasGap(blocks: readonly PlainBlock[]): boolean {
        return super.hasGap([...blocks].sort((a, b) => a.columns.from - b.columns.from))
      }
    }()),
  logDouble("believes every link", "refusal/links", () =>
    new class extends PlainLog {
      override hasUnknownLink(): boolean {
        return false
      }
    }()),
  logDouble(
    "stores the rest of a push of which it refuses something",
    ["refusal/clock-ahead", "refusal/invalid-value", "refusal/several"],
    () =>
      new class extends PlainLog {
        override async push(request: PushRequest, person: Person): Promise<PushAnswer> {
          const answer = await super.push(request, person)
          if (answer.kind !== "refused") return answer
          const names = new Set(answer.refused.map(({ writer }) => writer.join()))
          await this.take(this.read(request).filter(({ writer }) => !names.has(writer)), person)
          return answer
        }
      }(),
  ),
  logDouble("takes stamps however far ahead", ["refusal/clock-ahead", "refusal/withheld"], () =>
    new class extends PlainLog {
      override isAhead(): boolean {
        return false
      }
    }()),
  logDouble("judges the stamps of everybody", "refusal/clock-of-others", () =>
    new class extends PlainLog {
      override isAhead(block: PlainBlock, row: number): boolean {
        return super.isAhead({ ...block, isOwn: true }, row)
      }
    }()),
  logDouble("judges the stamps of events", "refusal/clock-of-events", () =>
    new class extends PlainLog {
      override isAhead({ isOwn, columns: { millis } }: PlainBlock, row: number): boolean {
        return isOwn && millis[row]! > this.now() + 300_000
      }
    }()),
  logDouble("judges what it has once more", "refusal/seen", () =>
    new class extends PlainLog {
      override isSeen(): boolean {
        return false
      }
    }()),
  logDouble("takes a number that was withheld for one that it has", "refusal/withheld", () =>
    new class extends PlainLog {
      override isSeen(writer: string, seq: number): boolean {
        return seq <= this.pairOf(writer).seq
      }
    }()),
  logDouble("does not look into values", "refusal/invalid-value", () =>
    new class extends PlainLog {
      override isValueValid(): boolean {
        return true
      }
    }()),
  logDouble("does not look at keys", "refusal/invalid-key", () =>
    new class extends PlainLog {
      override isKeyValid(): boolean {
        return true
      }
    }()),
  logDouble("names only the last operation that it refuses", "refusal/several", () =>
    new class extends PlainLog {
      override refusalsOf(...rest: Parameters<PlainLog["refusalsOf"]>): readonly Refusal[] {
        return super.refusalsOf(...rest).slice(-1)
      }
    }()),
  logDouble("explains refusals at length", ["refusal/invalid-key", "refusal/clock-ahead"], () =>
    new class extends PlainLog {
      override refusalsOf(...rest: Parameters<PlainLog["refusalsOf"]>): readonly Refusal[] {
        return super.refusalsOf(...rest).map((refusal) => ({ ...refusal, message: refusal.message.repeat(50) }))
      }
    }()),
  logDouble("passes over blocks that it cannot read", "refusal/damaged-blocks", () =>
    new class extends PlainLog {
      override read(request: PushRequest): readonly PlainBlock[] {
        const parts = request.parts.filter((part: Part) => {
          try {
            this.decode(part)
            return true
          } catch {
            return false
          }
        })
        return super.read({ ...request, parts })
      }
    }()),
  logDouble("asks to send damaged blocks again", "refusal/damaged-blocks", () => {
    class Again extends CorruptBytes {
      override readonly retryable = true
    }
    return new class extends PlainLog {
      override decode(part: Part) {
        try {
          return super.decode(part)
        } catch {
          throw new Again({ what: "a push", byteOffset: 0, reason: "try again" })
        }
      }
    }()
  }),
]

export const basisDoubles: readonly RemoteDouble[] = [
  logDouble("takes pushes over its head alone", "basis/known", () =>
    new class extends PlainLog {
      override isKnown(basis: PushRequest["basis"]): boolean {
        return super.isKnown(basis) && basis.some(({ position }) => position === 0 || position === this.frames.length)
      }
    }()),
  logDouble("does not look at the basis", ["basis/unknown", "cursor/other-store", "wipe/cursors"], () =>
    new class extends PlainLog {
      override isKnown(): boolean {
        return true
      }
    }()),
  logDouble("looks at the first frame of the basis", "basis/both", () =>
    new class extends PlainLog {
      override isKnown(basis: PushRequest["basis"]): boolean {
        return super.isKnown(basis.slice(0, 1))
      }
    }()),
  logDouble("is content with one frame of the basis", "basis/both", () =>
    new class extends PlainLog {
      override isKnown(basis: PushRequest["basis"]): boolean {
        return basis.some((cursor) => this.contains(cursor))
      }
    }()),
  logDouble("judges operations before the basis", "basis/before-refusals", () =>
    new class extends PlainLog {
      override push(request: PushRequest, person: Person): PushAnswer | Promise<PushAnswer> {
        const refused = this.refusalsOf(this.read(request), person)
        return refused.length > 0 ? { kind: "refused", refused, serverTimeMillis: this.now() } : super.push(request, person)
      }
    }()),
]
