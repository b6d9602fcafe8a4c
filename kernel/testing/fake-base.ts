/** A base that answers promises, as a snapshot on a slow medium would: each look-up waits until the test opens the gate. */
import type { BaseVersion, RecordsBase } from "../views/records-base.ts"

const keyText = (collection: number, key: Uint8Array): string => `${collection}:${new TextDecoder().decode(key)}`

export class FakeBase implements RecordsBase {
  readonly isEmpty = false
  /** Keys that were asked for, in order. */
  readonly asked: string[] = []
  /** What a look-up waits for; undefined: it answers at once. */
  waitsFor: (() => Promise<void>) | undefined = () => Promise.resolve()
  readonly #records = new Map<string, readonly BaseVersion[]>()

  set(collection: number, key: string, versions: readonly BaseVersion[]): void {
    this.#records.set(`${collection}:${key}`, versions)
  }

  find(collection: number, key: Uint8Array): Promise<readonly BaseVersion[] | undefined> | readonly BaseVersion[] | undefined {
    const text = keyText(collection, key)
    this.asked.push(text)
    return this.waitsFor === undefined ? this.#records.get(text) : this.waitsFor().then(() => this.#records.get(text))
  }
}
