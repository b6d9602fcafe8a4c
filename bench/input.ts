/** Input of the benches: records of about 131 bytes of JSON under keys of 12 bytes, the same in every run. */

export interface Task {
  readonly id: number
  readonly title: string
  readonly done: boolean
  readonly tags: readonly string[]
  readonly count: number
  readonly updatedAt: number
  readonly note: string
}

/** The record with a number. */
export const recordOf = (number: number): Task => ({
  id: number,
  title: `Write the report ${number}`,
  done: number % 2 === 0,
  tags: ["work", "home"],
  count: number % 100,
  updatedAt: 1_700_000_000_000 + number,
  note: "a short note",
})

/** The key with a number. Made for each call, as a caller would. */
export const keyOf = (number: number): string => `task:${String(number).padStart(7, "0")}`

/** Walks over all numbers below `count` in an order that jumps about; the same in every run. */
export const scattered = (step: number, count: number): number => (step * 7919) % count
