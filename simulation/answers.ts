/**
 * Answers to dead letters as the checker sees them: which operations they are, and what each deliberately replaces. Judged from what the application
 * was about to do, and from tokens: nobody else writes one twice.
 *
 *   retry     the letter's value again, or a new token        replaces the letter alone
 *   discard   what the letter had replaced, written again     each replaces the letter alone
 *             a choice of what stands beside it               replaces the letter and what it chose
 *             a delete                                        replaces the letter, and leaves other letters open
 */
import type { KnownOperation, Ledger } from "./ledger.ts"

/** What a process is about to answer, or was last: what it wrote may land later. */
export interface Answer {
  readonly letter: KnownOperation
  /** The token that is written in its place, if it is a new one. */
  readonly uid: string | undefined
  /** Nothing of it is on its way any more. */
  isOver: boolean
}

/** A write of the process as its frame says it. */
export interface AnsweringWrite {
  readonly record: string
  readonly isChoice: boolean
  readonly isDelete: boolean
  readonly uid: string | undefined
  readonly likeness: string
  /** Dots that it left open, by its own word: only where deletes look alike. */
  readonly keeps: ReadonlySet<string>
}

/** Is a write the answer, or some of it? `shown` is what its record showed before its frame. */
export function isAnswer(answer: Answer, write: AnsweringWrite, shown: ReadonlySet<KnownOperation>, { byUid }: Ledger): boolean {
  const { letter, uid, isOver } = answer
  if (letter.record !== write.record || !shown.has(letter)) return false
  if (write.isChoice || write.isDelete) return !isOver
  if (write.uid === undefined) return write.likeness === letter.likeness
  return write.uid === uid || byUid.has(write.uid)
}

/** What an answer replaces of what its record shows, to which its own frame may have added. */
export function replacedByAnswer(
  { letter }: Answer,
  { isChoice, isDelete, likeness, keeps }: AnsweringWrite,
  before: ReadonlySet<KnownOperation>,
): Set<KnownOperation> {
  const beside = [...before].filter((one) => one !== letter && !one.past.has(letter))
  if (isChoice) return new Set([letter, ...beside.filter((one) => one.likeness === likeness && !keeps.has(one.dot))])
  return new Set(isDelete ? [letter, ...beside.filter(({ dot }) => !keeps.has(dot))] : [letter])
}

/**
 * Did a discard bring back a value that something which is shown beside the letter had replaced? Other letters do not count: they may be discarded
 * as well, and what all of them had replaced must not be lost.
 */
export function bringsBack({ letter }: Answer, { isChoice, uid }: AnsweringWrite, before: ReadonlySet<KnownOperation>): boolean {
  if (isChoice || uid === undefined || uid === letter.uid) return false
  const restored = [...letter.past].filter((one) => one.uid === uid),
    beside = [...before].filter((one) => one !== letter && !one.past.has(letter))
  return restored.length > 0 && restored.every((one) => beside.some(({ past }) => past.has(one)))
}
