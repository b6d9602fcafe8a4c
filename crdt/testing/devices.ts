/**
 * Devices that share one record of a CRDT type, without a store: each has a log of versions, a version covers what its author had seen, and what a
 * device shows is the join of the versions that no other covers. As in the kernel, logs travel as prefixes, so causes come before effects; a
 * delete leaves a version without a state; a device that opens again, and a clone, write under a new writer.
 */
import type { CrdtEditor, CrdtSite, CrdtType } from "../../kernel/ports/crdt-type.ts"

/** A writer's id: those of one device begin alike. */
export const writerOf = (device: number, open: number): string =>
  (0xa0_0000 + device).toString(16).padEnd(16, "5") + (0xb0_0000 + open).toString(16).padStart(16, "0")

/** One write of the record. */
export interface Version {
  readonly dot: string
  readonly site: CrdtSite
  /** Dots of all versions that its author had. */
  readonly seen: ReadonlySet<string>
  /** The encoded state; undefined for a delete. */
  readonly value: unknown
}

/** One copy of the record. */
export class Device<View, Editor extends CrdtEditor<State>, State> {
  readonly #type: CrdtType<View, Editor, State>
  readonly #index: number
  readonly #clock: { millis: number; opens: number }
  readonly log: Version[] = []
  #writer: string
  #seq = 0

  constructor(type: CrdtType<View, Editor, State>, index: number, clock: { millis: number; opens: number }) {
    this.#type = type
    this.#index = index
    this.#clock = clock
    this.#writer = writerOf(index, clock.opens++)
  }

  /** The state that is shown, through the encodings that were stored. */
  get state(): State {
    const live = this.log.filter(({ dot }) => !this.log.some(({ seen }) => seen.has(dot)))
    return live.reduce(
      (state, { value }) => value === undefined ? state : this.#type.join(state, this.#type.decode(value)),
      this.#type.empty(),
    )
  }

  get view(): View {
    return this.#type.view(this.state)
  }

  edit(change: (editor: Editor, site: CrdtSite) => void): Version {
    const site = this.#nextSite(), editor = this.#type.edit(this.state, site)
    change(editor, site)
    return this.#write(site, this.#type.encode(editor.state))
  }

  delete(): Version {
    return this.#write(this.#nextSite(), undefined)
  }

  /** Takes what of the first `length` versions of another log is not here. */
  pull(from: Device<View, Editor, State>, length: number = from.log.length): void {
    const here = new Set(this.log.map(({ dot }) => dot))
    this.log.push(...from.log.slice(0, length).filter(({ dot }) => !here.has(dot)))
  }

  reopen(): void {
    this.#writer = writerOf(this.#index, this.#clock.opens++)
    this.#seq = 0
  }

  /** Goes back to what the log was; as nobody can know, under a new writer. */
  restore(length: number): void {
    this.log.length = Math.min(length, this.log.length)
    this.reopen()
  }

  #nextSite(): CrdtSite {
    // Operations on other records take numbers, too.
    return { writer: this.#writer, seq: this.#seq += 1 + this.#clock.millis % 2, millis: this.#clock.millis++ }
  }

  #write(site: CrdtSite, value: unknown): Version {
    const version = { dot: `${site.writer}-${site.seq}`, site, seen: new Set(this.log.map(({ dot }) => dot)), value }
    this.log.push(version)
    return version
  }
}

/** One thing that happens to one of the devices; numbers are taken modulo what there is. */
export interface Step {
  readonly kind: "edit" | "delete" | "pull" | "reopen" | "restore"
  readonly device: number
  readonly other: number
  readonly length: number
  /** What an edit does, for the type to make something of. */
  readonly choice: number
}

/** Plays `steps` on `count` devices, calling `edit` for each edit. */
export const playSteps = <View, Editor extends CrdtEditor<State>, State>(
  type: CrdtType<View, Editor, State>,
  count: number,
  steps: readonly Step[],
  on: {
    readonly edit: (device: Device<View, Editor, State>, choice: number) => void
    readonly delete?: (device: Device<View, Editor, State>) => void
  },
): readonly Device<View, Editor, State>[] => {
  const clock = { millis: 1000, opens: 1 }
  const devices = Array.from({ length: count }, (_, index) => new Device(type, index, clock))
  const deviceAt = (index: number): Device<View, Editor, State> => devices[index % count] ?? new Device(type, 0, clock)
  for (const step of steps) {
    const device = deviceAt(step.device), other = deviceAt(step.other)
    if (step.kind === "edit") on.edit(device, step.choice)
    if (step.kind === "delete") on.delete?.(device)
    if (step.kind === "pull") device.pull(other, step.length % (other.log.length + 1))
    if (step.kind === "reopen") device.reopen()
    if (step.kind === "restore") device.restore(step.length % (device.log.length + 1))
  }
  return devices
}

/** Everybody gets everything, one after another. */
export const healDevices = <View, Editor extends CrdtEditor<State>, State>(devices: readonly Device<View, Editor, State>[]): void => {
  for (const device of devices) for (const other of devices) device.pull(other)
  for (const device of devices) for (const other of devices) device.pull(other)
}
