/**
 * A conformance case as data: what must hold, the sentence that says so, and a function that finds out.
 *
 *   id      "append/taken-position": the noun that is checked, then what about it; it never changes its meaning
 *   level   MUST: a subject that fails it does not conform · SHOULD: it is told, and conforms
 *   rule    the sentence of the contract, word for word
 *   why     what a user would meet if it were broken
 *
 * Cases know no test framework. They run in any order, each against a subject made for it alone.
 */

/** As in RFC 2119: only a failed `MUST` breaks conformance. */
export type Level = "MUST" | "SHOULD"

/** What a case says of itself. `Needs` names what a subject may lack. */
export interface CaseFacts<Needs extends string = string> {
  /** Group, slash, name; lower case. Unique, and kept for ever. */
  readonly id: string
  /** One sentence: what holds when it passes. */
  readonly title: string
  readonly level: Level
  /** What the subject has to be able to do; where it lacks one, the case is skipped with the reason. */
  readonly requires: readonly Needs[]
  /** The sentence of the contract that is checked, word for word. */
  readonly rule: string
  /** Why it matters: one sentence about what a user would meet if the rule were broken. */
  readonly why: string
}

/** One thing to check about a subject. */
export interface Case<Subject, Needs extends string = string> extends CaseFacts<Needs> {
  /** Rejects if the rule is broken. */
  readonly run: (subject: Subject) => Promise<void>
}

/** The part of an id before the slash. */
export const groupOf = (id: string): string => id.slice(0, id.indexOf("/"))
