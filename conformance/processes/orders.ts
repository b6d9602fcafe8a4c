/**
 * Orders: what a child that has an adapter open is asked to do, one after another, and what it answers.
 *
 *   parent ── {"id":3,"call":"append","with":{"position":7}} ──▶ child
 *          ◀── {"what":"value","id":3,"value":null} ──             or {"what":"error","id":3,"error":{…}}
 *          ◀── {"what":"stored","position":8} ──                   of `appendOn`, which never ends
 *
 * Frames and slices are made by rule on both sides, so that positions alone go through the pipe.
 */
import type { Bytes, Durability, Position } from "../../kernel/ports/log-storage.ts"
import { bytesOf, frameAt } from "../log-storage/frames.ts"

/** What each call is given. */
export interface Orders {
  readonly open: {
    readonly storeName: string
    readonly durability: Durability
    readonly create?: boolean | undefined
    readonly readPrefix?: boolean | undefined
  }
  readonly append: Appended
  /** Appends from behind the head on, for ever: frames of `bytesMax` bytes at most, by the seed. */
  readonly appendOn: { readonly seed: number; readonly bytesMax: number }
  readonly head: None
  /** Frames as base64, over as many pages as it takes. */
  readonly read: { readonly after: Position }
  readonly flush: None
  readonly snapshot: { readonly at: Position }
  readonly trim: { readonly through: Position }
  readonly watch: None
  readonly close: None
  readonly destroy: { readonly storeName: string }
  readonly list: None
  /** Makes a call to the operating system that is seen in a trace, and fails. */
  readonly mark: { readonly name: string }
  /** Makes `increments` of a register by compare-and-append; the handle is closed and opened again after each `turn` of them. */
  readonly race: RaceOrder
}

/** What each call answers. */
export interface Answers {
  readonly open: { readonly head: Position; readonly created: boolean; readonly isRecovered: boolean }
  readonly append: null
  readonly appendOn: null
  readonly head: Position
  readonly read: readonly string[]
  readonly flush: null
  readonly snapshot: null
  readonly trim: Position
  readonly watch: null
  readonly close: null
  readonly destroy: null
  readonly list: readonly string[]
  readonly mark: null
  readonly race: { readonly made: number; readonly refused: number }
}

export type CallName = keyof Orders
type None = Readonly<Record<never, never>>

/** A frame, by where it goes and how long it is. */
export interface Appended {
  readonly position: Position
  /** Its length; that of {@link frameAt} if left out. */
  readonly bytes?: number | undefined
}

export interface RaceOrder {
  readonly storeName: string
  readonly durability: Durability
  readonly journal: string
  /** The number of the process, from 1. */
  readonly process: number
  readonly increments: number
  /** It closes the store after so many increments. */
  readonly turn: number
}

/** What the child is told when it is started. */
export interface Setup {
  /** URL of the module that exports `openAdapter`. */
  readonly module: string
  readonly place: string
  /** How far its clock is ahead of the real one. */
  readonly clockMillis: number
}

/** An error on its way through a pipe. */
export interface ToldError {
  /** Whether it is one of `kernel/errors.ts`. */
  readonly isOurs: boolean
  /** The name of its class. */
  readonly name: string
  readonly code: string | undefined
  readonly storedNothing: boolean
  readonly message: string
  /** What kind of failure the operating system told: that of the error itself, or of what caused it. */
  readonly system: string | undefined
}

/** What a child tells. */
export type Told =
  | { readonly what: "ready"; readonly pid: number }
  | { readonly what: "value"; readonly id: number; readonly value: unknown }
  | { readonly what: "error"; readonly id: number; readonly error: ToldError }
  /** The frame at this position is about to be appended, and was acknowledged. */
  | { readonly what: "storing" | "stored"; readonly position: Position }
  /** `watch` has told it of something. */
  | { readonly what: "changed" }

/** The bytes of a frame that was described. */
export const frameOf = ({ position, bytes }: Appended): Bytes => bytes === undefined ? frameAt(position) : bytesOf(bytes, position)
