/** The total order of versions: stamp, then writer, then number (rule F-43 of the format). */
export interface Ordered {
  readonly millis: number
  readonly counter: number
  readonly writer: string
  readonly seq: number
}

/** Ascending. */
export const order = (a: Ordered, b: Ordered): number =>
  a.millis - b.millis || a.counter - b.counter || (a.writer < b.writer ? -1 : a.writer > b.writer ? 1 : a.seq - b.seq)
