/** Delays that are finer than timers. */
import { setTimeout as sleep } from "node:timers/promises"

/** Waits to the microsecond: timers count in milliseconds only. */
export const delay = async (millis: number): Promise<void> => {
  const end = performance.now() + millis
  if (millis > 4) await sleep(millis - 3)
  while (performance.now() < end);
}
