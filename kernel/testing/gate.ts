/** A point that code under test comes to and waits at, so that tests order events by signals and never by time. */
export class Gate {
  /** Resolves when somebody has come to the gate. */
  readonly reached: Promise<void>
  /** Resolves when a test has opened it. */
  readonly opened: Promise<void>
  #reach: () => void = () => {}
  #open: () => void = () => {}

  constructor() {
    this.reached = new Promise((resolve) => this.#reach = resolve)
    this.opened = new Promise((resolve) => this.#open = resolve)
  }

  /** Lets everybody through, now and later. */
  open(): void {
    this.#open()
  }

  /** Comes to the gate; resolves when it is open. */
  pass(): Promise<void> {
    this.#reach()
    return this.opened
  }
}

/** Lets everything run that is ready: all microtasks, and whatever timers and events are due. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))
