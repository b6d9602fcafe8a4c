/** The clock of this process, as JavaScript sees it. */

/** Sets it ahead of the real one, or behind it: `Date` alone, as code of the runtime's own has another. */
export const setClock = (aheadMillis: number): void => {
  if (aheadMillis === 0) return
  const RealDate = Date
  const now = (): number => RealDate.now() + aheadMillis
  const shifted = new Proxy(RealDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    get: (target, name, receiver) => name === "now" ? now : Reflect.get(target, name, receiver),
  })
  globalThis.Date = shifted
}
