/** Work: what another process is made to do, as data, so that the same can be killed and failed anywhere in it. */
import type { OtherProcess, Reply } from "../../processes/other-process.ts"
import type { LogStorageTrial } from "../trial.ts"
import type { Ledger } from "./ledger.ts"

/** One thing to do with a store. */
export type Action =
  | { readonly do: "open" | "flush" | "close" | "destroy" | "read" }
  /** One more frame; of the usual length if none is given. */
  | { readonly do: "append"; readonly bytes?: number | undefined }
  | { readonly do: "snapshot"; readonly at: number }
  | { readonly do: "trim"; readonly through: number }

/** So many frames of usual length. */
export const appends = (count: number): readonly Action[] => Array.from({ length: count }, () => ({ do: "append" }))

/** A length that the adapter takes. */
export const bytesUpTo = (trial: LogStorageTrial, bytes: number): number => Math.min(bytes, trial.capabilities.maxFrameBytes)

/** Makes another process do it, by the ledger. */
export const perform = (process: OtherProcess, ledger: Ledger, action: Action): Promise<Reply<unknown>> => {
  switch (action.do) {
    case "open":
      return ledger.open(process)
    case "append":
      return ledger.append(process, action.bytes)
    case "snapshot":
      return ledger.snapshot(process, action.at)
    case "trim":
      return ledger.trim(process, action.through)
    case "destroy":
      return ledger.destroy(process)
    case "read":
      return process.ask("read", { after: 0 })
    default:
      return process.ask(action.do, {})
  }
}
