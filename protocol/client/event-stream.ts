/**
 * Event stream: the text of server-sent events, taken apart as it arrives. WHATWG HTML, 9.2.5 and 9.2.6 (parsing and interpreting an event
 * stream), but for what a single connection has no use for: `id` and `retry` are passed over.
 *
 *   line ends   LF, CR, CRLF, also cut in the middle
 *   BOM         one at the very beginning is passed over
 *   comment     a line that begins with a colon
 *   event       `event` and `data` fields up to an empty line; without data it is none, at the end of the stream it is lost
 *
 * Bounded: what is longer than {@link EVENT_BYTES_MAX} ends it, so an endless line or event costs no memory.
 */

/** Bytes of a line, and of the data of one event. */
export const EVENT_BYTES_MAX = 4096

/** An event; `type` is "message" where the stream names none. */
export interface StreamEvent {
  readonly type: string
  readonly data: string
}

/** A line or an event is too long. */
export class EventTooLong extends Error {
  constructor() {
    super(`a line or event of the stream has more than ${EVENT_BYTES_MAX} bytes`)
  }
}

const [LF, CR] = [0x0a, 0x0d]
const BOM = "\ufeff"

export class EventStreamParser {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  readonly #line = new Uint8Array(EVENT_BYTES_MAX)
  #lineBytes = 0
  #isFirstLine = true
  #afterCr = false
  #type = ""
  #data: string | undefined

  /** The events that these bytes complete, in order. Throws `EventTooLong`, after which it is of no use. */
  push(chunk: Uint8Array): readonly StreamEvent[] {
    const events: StreamEvent[] = []
    for (const byte of chunk) {
      const isSecondOfPair = byte === LF && this.#afterCr
      this.#afterCr = byte === CR
      if (isSecondOfPair) continue
      if (byte === LF || byte === CR) {
        const event = this.#endLine()
        if (event !== undefined) events.push(event)
      } else {
        if (this.#lineBytes === EVENT_BYTES_MAX) throw new EventTooLong()
        this.#line[this.#lineBytes++] = byte
      }
    }
    return events
  }

  #endLine(): StreamEvent | undefined {
    let line = this.#decoder.decode(this.#line.subarray(0, this.#lineBytes))
    if (this.#isFirstLine && line.startsWith(BOM)) line = line.slice(1)
    this.#lineBytes = 0
    this.#isFirstLine = false
    if (line === "") return this.#endEvent()
    const colon = line.indexOf(":")
    if (colon === 0) return undefined
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (field === "event") this.#type = value
    if (field === "data") {
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
      if (this.#data.length > EVENT_BYTES_MAX) throw new EventTooLong()
    }
    return undefined
  }

  #endEvent(): StreamEvent | undefined {
    const [type, data] = [this.#type, this.#data]
    this.#type = ""
    this.#data = undefined
    return data === undefined ? undefined : { type: type === "" ? "message" : type, data }
  }
}
