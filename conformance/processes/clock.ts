/** The clock of this process, as JavaScript sees it. */

/** Sets it ahead of the real one, or behind it: `Date` alone, as code of the runtime's own has another. */
export const setClock = (aheadMillis: number): void => {
  if (aheadMillis === 0) return
  const RealDate = Date
  class ShiftedDate extends RealDate {
    constructor(...args: readonly unknown[]) {
      if (args.length === 0) super(RealDate.now() + aheadMillis)
      else super(...args as [number])
    }

    static override now(): number {
      return RealDate.now() + aheadMillis
    }
  }
  globalThis.Date = ShiftedDate as DateConstructor
}
