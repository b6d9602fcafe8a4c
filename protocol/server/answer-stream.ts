/**
 * Answer stream: a large body handed out in slices, as fast as the connection takes them and not faster, so that what waits for a slow client
 * is known. Who takes nothing for a while is given up.
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"

const SLICE_BYTES = 65_536

export interface AnswerStreamOptions {
  readonly platform: Platform
  /** Seconds in which nothing may be taken. */
  readonly stallSecondsMax: number
  /** Told how many bytes were taken, as they are. */
  readonly onBytes: (bytes: number) => void
  /** Called once: everything was taken, or nobody waits for it any more. */
  readonly onEnd: () => void
}

/** Whether a body is so small that it is handed over whole. */
export const isSmall = (body: Bytes): boolean => body.length <= SLICE_BYTES

/** A stream of `body`. */
export function answerStream(body: Bytes, { platform, stallSecondsMax, onBytes, onEnd }: AnswerStreamOptions): ReadableStream<Uint8Array> {
  let rest: Bytes | undefined = body
  let stopClock = (): void => {}
  const end = (): void => {
    stopClock()
    if (rest === undefined) return
    rest = undefined
    onEnd()
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      stopClock = startTimer(platform, () => give(controller), stallSecondsMax * 1000, true)
    },
    pull(controller) {
      stopClock()
      if (rest === undefined) return
      const slice: Bytes = rest.subarray(0, SLICE_BYTES)
      rest = rest.subarray(slice.length)
      onBytes(slice.length)
      controller.enqueue(slice)
      if (rest.length > 0) {
        stopClock = startTimer(platform, () => give(controller), stallSecondsMax * 1000, true)
        return
      }
      controller.close()
      end()
    },
    cancel: end,
  }, { highWaterMark: 0 })

  function give(controller: ReadableStreamDefaultController<Uint8Array>): void {
    end()
    controller.error(new Error("The client takes nothing of its answer"))
  }
}
