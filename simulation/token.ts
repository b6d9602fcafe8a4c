/** The value of every record but counters: a token that is never used twice, and what it says of itself. */
export interface Token {
  readonly uid: string
  /** Every server refuses it but a lenient one. */
  readonly poison?: true
  /** How often it was updated. */
  readonly count?: number
  /** It is written to end a conflict. */
  readonly resolves?: true
}
