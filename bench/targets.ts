/** What each row is held against. `ratio`: at least so many times the baseline; `least`: at least so much; `extra`, `most`: at most so much. */

export interface Target {
  readonly kind: "ratio" | "least" | "extra" | "most"
  readonly value: number
  readonly unit: string
}

type PerRuntime = Readonly<Record<string, number>>
const ratio = (values: PerRuntime, runtime: string): Target => ({ kind: "ratio", value: values[runtime] ?? values["node"]!, unit: "x" })

/** The target of a row, if there is one for it. */
export function targetOf(row: { readonly workload: string; readonly contender: string }, runtime: string): Target | undefined {
  switch (`${row.workload} ${row.contender}`) {
    case "awaited persist file":
      return ratio({ node: 2.5, bun: 3.5 }, runtime)
    case "awaited persist sqlite":
      return ratio({ node: 0.95 }, runtime)
    case "unawaited persist file":
    case "unawaited persist sqlite":
      return ratio({ node: 4 }, runtime)
    case "batches persist file":
      return ratio({ node: 1.5 }, runtime)
    case "batches persist sqlite":
      return ratio({ node: 1.2 }, runtime)
    case "full persist file":
      return { kind: "extra", value: 5, unit: "us" }
    case "get persist file":
    case "get persist sqlite":
      return ratio({ node: 2.5 }, runtime)
    case "peek persist file":
    case "peek persist sqlite":
      return ratio({ node: 3.5 }, runtime)
    case "replay persist file":
    case "replay persist sqlite":
      return { kind: "most", value: 400, unit: "ms for 1,000,000" }
    case "memory persist file":
    case "memory persist sqlite":
      return { kind: "most", value: 150, unit: "bytes a record" }
    case "disk persist file":
    case "disk persist sqlite":
      return { kind: "most", value: 125, unit: "bytes a record" }
    case "sync passed":
      return { kind: "least", value: runtime === "bun" ? 400_000 : 200_000, unit: "op/s" }
    case "sync hop":
      return { kind: "most", value: 1.3, unit: "bytes" }
    case "sync gzip":
      return { kind: "most", value: 40, unit: "bytes" }
    case "sync latency":
      return { kind: "most", value: 20, unit: "ms" }
    case "sync idle-heads":
      return { kind: "most", value: 1, unit: "call" }
    case "sync idle-frames":
      return { kind: "most", value: 0, unit: "frames" }
    default:
      return undefined
  }
}

/** Does a measured value meet its target; by how much of it, 1 being just so? */
export const reached = (target: Target, value: number): number =>
  target.kind === "ratio" || target.kind === "least" ? value / target.value : Math.max(target.value, 1e-9) / Math.max(value, 1e-9)
