/**
 * The writer of one open: an identity that no other open ever uses (rule S1), drawn at the first write.
 *
 * 8 bytes are the replica's, copied from the log's earlier own writers or drawn with the first one; 8 are this open's. So a cloned
 * or restored disk needs no detection: whoever opens it writes on under a new name.
 */
import { LINKS_MAX, SEQ_MAX } from "../limits.ts"
import { REPLICA_BYTES, WRITER_BYTES } from "../model/identifiers.ts"
import type { Dots } from "../model/operation.ts"
import type { Pair } from "../model/vector.ts"
import type { Bytes } from "../ports/log-storage.ts"
import type { StoreViews } from "../views/store-views.ts"

export class Writer {
  readonly #randomBytes: (length: number) => Bytes
  #index = -1
  #id: Bytes = new Uint8Array(WRITER_BYTES)
  #seq = 0
  #isDisowned = false

  constructor(randomBytes: (length: number) => Bytes) {
    this.#randomBytes = randomBytes
  }

  /** Index in the views' table; -1 before the first write. */
  get index(): number {
    return this.#index
  }
  get id(): Bytes {
    return this.#id
  }
  /** The last number that is stored. */
  get seq(): number {
    return this.#seq
  }
  set seq(seq: number) {
    this.#seq = seq
  }

  /** The next write takes a new identity. */
  retire(): void {
    this.#index = -1
    this.#seq = 0
    this.#isDisowned = false
  }

  /** A remote knows it as another login's: the next build takes a new identity. Until then it stays what a frame under way was written under. */
  disown(): void {
    this.#isDisowned = this.#index >= 0
  }

  /**
   * Takes an identity if there is none, if the numbers of this one would run out, or if it was drawn with a replica of its own and
   * another handle then wrote first: nothing is stored under it, and a log has one replica. Also if it is disowned.
   */
  ensure(views: StoreViews, operations: number): void {
    if (this.#isDisowned) this.retire()
    if (this.#seq > 0 && this.#seq + operations <= SEQ_MAX) return
    const [earlier] = views.own
    if (this.#index >= 0 && this.#seq === 0 && (earlier === undefined || isOfReplica(this.#id, views.writers.idOf(earlier)))) return
    this.#id = new Uint8Array(WRITER_BYTES)
    if (earlier === undefined) this.#id.set(this.#randomBytes(REPLICA_BYTES))
    else this.#id.set(views.writers.idOf(earlier).subarray(0, REPLICA_BYTES))
    this.#id.set(this.#randomBytes(WRITER_BYTES - REPLICA_BYTES), REPLICA_BYTES)
    this.#index = views.writers.indexOf(this.#id)
    this.#seq = 0
  }

  /**
   * The own writers of the log with their last numbers, without those that another of them implies (rule S5). A number that is withheld here was
   * never seen, and what continues its writer would cover it: the link ends before it.
   */
  links(views: StoreViews): Dots {
    const links: number[] = []
    // The latest first: it nearly always implies all others.
    for (const writer of [...views.own].reverse()) {
      const seq = lastSeen(views.vector.pairOf(writer))
      if (writer === this.#index || seq === 0 || views.lineage.under(links, writer, seq)) continue
      if (links.push(writer, seq) === LINKS_MAX * 2) break
    }
    return links
  }
}

const lastSeen = ({ seq, withheld: [first] }: Pair): number => (first === undefined ? seq : first - 1)

function isOfReplica(writer: Uint8Array, other: Uint8Array): boolean {
  for (let at = 0; at < REPLICA_BYTES; at++) if (writer[at] !== other[at]) return false
  return true
}
