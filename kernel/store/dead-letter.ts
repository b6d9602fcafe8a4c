/** A dead letter as users see it: plain frozen data. */
import { PersistError } from "../errors.ts"
import { freezeDeep } from "../format/msgpack.ts"
import { greatest } from "../model/versions.ts"
import type { OpenLetter } from "../views/dead-letters.ts"
import type { RefusalReason } from "../views/remotes.ts"
import type { RecordVersion } from "./record-version.ts"
import type { StoreCore } from "./store-core.ts"

/** A remote's word on an operation. */
export interface DeadLetterRefusal {
  /** Name of the remote. */
  readonly remote: string
  /** `op_invalid`, `op_too_large`, or `withheld`: that the remote refused it is all that is known here. */
  readonly code: string
  /** For people, as the remote put it; may be empty. */
  readonly message: string
}

/** Names a dead letter. */
export interface DeadLetterName {
  /** "" for the default one. */
  readonly collection: string
  readonly key: string
  /** Names the write for ever; opaque. */
  readonly version: string
}

/** A write that a remote does not take, and that nobody has answered. */
export interface DeadLetter<T> extends DeadLetterName {
  /** What was written; undefined for a delete, and where it cannot be read. Dates and binaries in it cannot be frozen and must be left alone. */
  readonly value: T | undefined
  /** A delete was refused. */
  readonly deleted: boolean
  /**
   * Why the value cannot be read; undefined: it can. One that is damaged is answered by `discard`, or by a write of the record; one of a CRDT type that
   * this handle was not given also by `retry` as it is.
   */
  readonly unreadable: string | undefined
  /** Why it was refused, by the remote that was first; see {@link DeadLetterRefusal}. */
  readonly code: string
  readonly message: string
  /** Every remote that refused it, as far as this copy heard. */
  readonly remotes: readonly DeadLetterRefusal[]
  /** When it was written by its writer's clock, in milliseconds since 1970-01-01. */
  readonly updatedAt: number
  /** Which copy of the store wrote it: 16 hex digits. */
  readonly replica: string
  /** That copy's label, if it has one. */
  readonly label: string | undefined
  /** This copy wrote it. */
  readonly own: boolean
}

/** Shows an open letter. */
export function toDeadLetter<T>(core: StoreCore, { row, version }: OpenLetter): DeadLetter<T> {
  const { views, records, decoded, names } = core, { writer, seq } = version, replica = views.writers.replicaOf(writer)
  const remotes = views.remotes.names.flatMap((remote) => {
    const reason = views.remotes.of(remote).refused.get(writer, seq)
    return reason === undefined ? [] : [Object.freeze({ remote, code: reason.code, message: reason.message })]
  })
  const { code, message } = reasonOf(core, { row, version }), { value, unreadable } = readValue<T>(core, { row, version })
  return Object.freeze({
    collection: names.names[records.rows.collectionOf(row)]!,
    key: decoded.keyOf(row),
    value,
    deleted: version.valueBytes === 0,
    unreadable,
    code,
    message,
    remotes: Object.freeze(remotes),
    version: views.writers.versionOf(writer, seq),
    updatedAt: version.millis,
    replica,
    label: views.labels.get(replica),
    own: views.own.has(writer),
  })
}

/** One value that cannot be read must not hide all other letters. */
function readValue<T>(
  core: StoreCore,
  { row, version }: OpenLetter,
): { readonly value: T | undefined; readonly unreadable: string | undefined } {
  try {
    const { value }: RecordVersion<T> = core.strategies.toRecordVersion(row, version)
    freezeDeep(value)
    return { value, unreadable: undefined }
  } catch (error) {
    if (!(error instanceof PersistError)) throw error
    return { value: undefined, unreadable: error.message }
  }
}

const reasonOf = ({ views: { remotes: { dead } } }: StoreCore, { version: { writer, seq } }: OpenLetter): RefusalReason =>
  dead.get(writer, seq) ?? { code: "refused", message: "" }

/** Why the greatest version of a record that is a dead letter was refused; undefined: none is one. */
export function refusalOf(core: StoreCore, row: number): RefusalReason | undefined {
  const [first, ...others] = core.deadLetters.of(row), { writers } = core.views
  if (first === undefined) return undefined
  const version = greatest([first, ...others], (a, b) => writers.compare(a, b)), { code, message } = reasonOf(core, { row, version })
  return { code, message }
}
