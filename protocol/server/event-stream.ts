/**
 * Event stream: a feed of hints as server-sent events (WHATWG HTML, 9.2). Events hold numbers and hexadecimal digits and nothing that anybody
 * chose, so no text can break a line and forge one. The connection pulls: what it does not take is not made.
 */
import { BYE_EVENT, formatHint, HEAD_EVENT } from "../hints.ts"
import type { HeadFeed, HintEvent } from "./head-feed.ts"

const utf8 = new TextEncoder()

/** The text of an event; "" for the end. */
export function formatEvent(event: HintEvent): string {
  switch (event.kind) {
    case "head":
      return `event: ${HEAD_EVENT}\ndata: ${formatHint(event.head)}\n\n`
    case "beat":
      return ": beat\n\n"
    case "bye":
      return `event: ${BYE_EVENT}\ndata:\n\n`
    case "end":
      return ""
  }
}

export interface EventStreamOptions {
  /** Told how many bytes were taken, as they are. */
  readonly onBytes: (bytes: number) => void
  /** Called once: the last event was taken, or nobody listens any more. */
  readonly onEnd: () => void
}

/** The stream of a feed; it ends with the feed, and ends the feed when it is cancelled. */
export function eventStream(feed: HeadFeed, { onBytes, onEnd }: EventStreamOptions): ReadableStream<Uint8Array> {
  let isCancelled = false
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const event = await feed.next()
      if (isCancelled) return
      if (event.kind === "end") {
        controller.close()
        onEnd()
        return
      }
      const bytes = utf8.encode(formatEvent(event))
      onBytes(bytes.length)
      controller.enqueue(bytes)
    },
    cancel() {
      isCancelled = true
      feed.end("dropped")
      onEnd()
    },
  }, { highWaterMark: 0 })
}
