/**
 * The stores of a database by name.
 *
 * Names are BLOBs of their UTF-8 bytes and always bound: equal only if they are the same string, whatever a client does with NUL, an
 * encoding with letters, or a collation with their case.
 */
import { NotAStore, StorageFull } from "../../kernel/errors.ts"
import type { Row, Statement } from "./database.ts"
import { PIECE_BITS, POSITION_BITS, POSITION_MAX, SLICE_BITS, STORE_ID_MAX, type Tables } from "./schema.ts"
import type { Session } from "./session.ts"

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Id of the store; undefined if there is none of this name. */
export const findStore = async (session: Session, { stores }: Tables, name: string): Promise<number | undefined> => {
  const [row] = await session.execute("known", { sql: `SELECT id FROM ${stores} WHERE name = ?1`, values: [utf8.encode(name)] })
  return row === undefined ? undefined : idOf(session, row)
}

/** The names of all stores, oldest first. */
export const storeNames = async (session: Session, { stores }: Tables): Promise<readonly string[]> => {
  const rows = await session.execute("known", { sql: `SELECT name FROM ${stores} ORDER BY id` })
  return rows.map(({ name }) => {
    try {
      if (name instanceof Uint8Array) return strictUtf8.decode(name)
    } catch {
      // Said below.
    }
    throw new NotAStore({ location: session.subject.location, reason: "the name of a store is no text" })
  })
}

/**
 * Makes a store and answers its id; undefined if it is there by now, or if it may not stand `beside` others and there are some. One
 * statement: of several handles that make it at once, one does.
 */
export const makeStore = async (
  session: Session,
  { stores }: Tables,
  name: string,
  { beside }: { readonly beside: boolean },
): Promise<number | undefined> => {
  const [row] = await session.execute("write", {
    sql: `INSERT INTO ${stores} (name, base, flushes) SELECT ?1, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM ${stores}${
      beside ? " WHERE name = ?1" : ""
    }) RETURNING id`,
    values: [utf8.encode(name)],
  })
  if (row === undefined) return undefined
  if (Number(row.id) > STORE_ID_MAX) {
    throw new StorageFull({ location: session.subject.location, neededBytes: 0, reason: `it has held ${STORE_ID_MAX} stores` })
  }
  return idOf(session, row)
}

const idOf = (session: Session, row: Row): number => {
  const id = Number(row.id)
  if (Number.isInteger(id) && id >= 1 && id <= STORE_ID_MAX) return id
  throw new NotAStore({ location: session.subject.location, reason: `the id of a store is ${String(row.id)}` })
}

/** The transaction that removes a store with all that belongs to it. A handle on it in another process finds its head gone. */
export const removeStore = ({ stores, frames, snapshots, pieces }: Tables, store: number): readonly Statement[] => {
  const low = BigInt(store) << BigInt(POSITION_BITS)
  const bits = SLICE_BITS + PIECE_BITS
  return [
    { sql: `DELETE FROM ${stores} WHERE id = ${store}` },
    { sql: `DELETE FROM ${frames} WHERE id BETWEEN ${low} AND ${low | BigInt(POSITION_MAX)}` },
    { sql: `DELETE FROM ${pieces} WHERE id >> ${bits} IN (SELECT id FROM ${snapshots} WHERE store = ${store})` },
    { sql: `DELETE FROM ${snapshots} WHERE store = ${store}` },
  ]
}
