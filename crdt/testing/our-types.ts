/** Edits by number for each type of ours, so that one test serves them all. */
/** What the counter can do. */
export const editCounter = (editor: { increment(by: number): void; decrement(by: number): void }, choice: number): void =>
  choice % 3 === 0 ? editor.decrement(choice % 7) : editor.increment(choice % 1000)

const ELEMENTS = ["", "a", "b", "ü", "😀", 0, -1, 1.5, 2 ** 52, -Infinity, true, false] as const

/** What the set can do. */
export const editSet = (
  editor: {
    add(...elements: (string | number | boolean)[]): void
    delete(...elements: (string | number | boolean)[]): void
    clear(): void
  },
  choice: number,
): void => {
  const element = ELEMENTS[choice % ELEMENTS.length] ?? "", other = ELEMENTS[choice % 5] ?? ""
  if (choice % 20 === 0) editor.clear()
  else if (choice % 3 === 0) editor.delete(element)
  else editor.add(element, other)
}

const FIELDS = ["title", "constructor", "", "1", "ü"]

/** What the map can do. */
export const editMap = (editor: { set(field: string, value: unknown): void; delete(field: string): void }, choice: number): void => {
  const field = FIELDS[choice % FIELDS.length] ?? ""
  if (choice % 4 === 0) editor.delete(field)
  else editor.set(field, choice % 2 === 0 ? choice : { list: [choice, "x"], at: new Date(choice), bytes: new Uint8Array(choice % 4) })
}
