/**
 * The stores of a database by name.
 *
 * Names are BLOBs of their UTF-8 bytes and always bound: equal only if they are the same string, whatever a driver does with NUL, an
 * encoding with letters, or a collation with their case.
 */
import { NotAStore, StorageFull } from "../../kernel/errors.ts"
import type { Connection } from "./connection.ts"
import { STORE_ID_MAX, type Tables } from "./schema.ts"

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Id of the store; undefined if there is none of this name. */
export const findStore = (connection: Connection, { stores }: Tables, name: string): number | undefined => {
  const row = connection.query(`SELECT id FROM ${stores} WHERE name = ?1`, utf8.encode(name))
  if (row === undefined) return undefined
  const id = Number(row.id)
  if (!Number.isInteger(id) || id < 1 || id > STORE_ID_MAX) {
    throw new NotAStore({ location: connection.subject.location, reason: `the id of a store is ${String(row.id)}` })
  }
  return id
}

/** The names of all stores, oldest first. */
export const storeNames = (connection: Connection, { stores }: Tables): readonly string[] =>
  connection.prepare(`SELECT name FROM ${stores} ORDER BY id`).all().map(({ name }) => {
    try {
      if (name instanceof Uint8Array) return strictUtf8.decode(name)
    } catch {
      // Said below.
    }
    throw new NotAStore({ location: connection.subject.location, reason: "the name of a store is no text" })
  })

/** Makes a store and answers its id. In a transaction. */
export const makeStore = (connection: Connection, tables: Tables, name: string): number => {
  connection.query(`INSERT INTO ${tables.stores} (name, base, flushes) VALUES (?1, 0, 0)`, utf8.encode(name))
  const id = connection.query("SELECT last_insert_rowid() AS id")!.id as number
  if (id > STORE_ID_MAX) {
    throw new StorageFull({ location: connection.subject.location, neededBytes: 0, reason: `it has held ${STORE_ID_MAX} stores` })
  }
  return id
}

/** Removes a store; its frames and snapshots are dropped before. In a transaction. */
export const removeStore = (connection: Connection, tables: Tables, id: number): void => {
  connection.query(`DELETE FROM ${tables.stores} WHERE id = ?1`, id)
}
