/** Where an adapter that is given by name keeps its stores; apart from the adapters, so that code for browsers sees none of them. */

/** Where and how an adapter that is given by name keeps its stores. */
export interface PlaceOptions {
  /**
   * `sqlite`, `libsql`: a database file, by default `./<name>.db`. `file`: a folder that holds one folder a store, by default `./persist`.
   */
  readonly path?: string | undefined
  /** Make all missing folders of the path, not only the last. Default false. */
  readonly createFolders?: boolean | undefined
  /** `sqlite`: keep the tables in a database of your own, under names with this prefix. `libsql`: always so, by default `persist_`. */
  readonly tablePrefix?: string | undefined
  /** `libsql`: `file:`, `:memory:`, `http:`, `https:`, `ws:`, `wss:` or `libsql:`; instead of `path`. */
  readonly url?: string | undefined
  /** `libsql`: the server's token, or a function that answers one; it is asked again when the server refuses what it has. */
  readonly token?: string | (() => string | Promise<string>) | undefined
  /** `libsql`: the server of which the file at `path` is a replica, for reads. */
  readonly syncUrl?: string | undefined
}
