/**
 * Where stores lie: what the options `url`, `path` and `syncUrl` name.
 *
 *   path: "notes.db"                          file       relative to the working directory of now
 *   url:  "file:notes.db", "file:///a/b.db"   file
 *   url:  ":memory:"                          memory     gone with the adapter object
 *   url:  "http:", "https:", "ws:", "wss:"    remote
 *   url:  "libsql:"                           remote     over https; with `?tls=0` over http
 *   path or file: with syncUrl                replica    a file here, its primary there
 *
 * A token may stand in the URL as `?authToken=`, as the library has it; it is taken out. No location, and so no error, ever shows
 * credentials or a query. Imports nothing of a runtime: this much is also in a browser's bundle.
 */
import { InvalidOption } from "../../kernel/errors.ts"

/** A server. */
export interface RemotePlace {
  readonly kind: "remote"
  /** Scheme (`http`, `https`, `ws`, `wss`), host and path; nothing else. */
  readonly url: string
  /** The token that stood in the URL. */
  readonly token: string | undefined
}

export type Place =
  | RemotePlace
  | { readonly kind: "memory" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "replica"; readonly path: string; readonly primary: RemotePlace }

export interface PlaceOptions {
  readonly url?: string | undefined
  readonly path?: string | undefined
  readonly syncUrl?: string | undefined
}

/** Throws `InvalidOption`, which shows no more of a URL than its location. */
export const placeOf = ({ url, path, syncUrl }: PlaceOptions): Place => {
  if ((url === undefined) === (path === undefined)) {
    throw new InvalidOption({ option: "url", found: url === undefined ? "neither url nor path" : "url and path", expected: "one of them" })
  }
  const place = path === undefined ? placeOfUrl(url!) : placeOfPath(path)
  if (syncUrl === undefined) return place
  if (place.kind !== "file") {
    throw new InvalidOption({ option: "syncUrl", found: `a replica in ${place.kind}`, expected: "a replica in a local file" })
  }
  const primary = remotePlace("syncUrl", syncUrl)
  if (!primary.url.startsWith("http")) {
    throw new InvalidOption({ option: "syncUrl", found: primary.url, expected: "an http:, https: or libsql: URL" })
  }
  return { kind: "replica", path: place.path, primary }
}

const placeOfPath = (path: string): Place => {
  const refuse = (expected: string): never => {
    throw new InvalidOption({ option: "path", found: String(path), expected })
  }
  if (typeof path !== "string" || path === "") refuse("the path of a database file")
  if (path.includes("\0")) refuse("a path without NUL")
  if (path === ":memory:" || /^(file|https?|wss?|libsql):/i.test(path)) refuse("a path; a URL belongs into the option url")
  return { kind: "file", path: absolute(path) }
}

const placeOfUrl = (url: string): Place => {
  if (typeof url !== "string") throw new InvalidOption({ option: "url", found: typeof url, expected: "a URL" })
  if (/^(file:)?:memory:$/.test(url)) return { kind: "memory" }
  const file = /^file:(?:\/\/(?:localhost)?(?=\/))?([^?#]+)$/i.exec(url)
  if (file === null) return remotePlace("url", url)
  const path = decoded(file[1]!)
  if (path === undefined || path.startsWith("//") || path.includes("\0")) {
    throw new InvalidOption({ option: "url", found: url, expected: 'a file: URL such as "file:notes.db" or "file:///data/notes.db"' })
  }
  return { kind: "file", path: absolute(path) }
}

const remotePlace = (option: string, text: string): RemotePlace => {
  const refuse = (found: string, expected: string): never => {
    throw new InvalidOption({ option, found, expected })
  }
  let url: URL
  try {
    url = new URL(text)
  } catch {
    // Not the text itself: who knows what stands in it.
    return refuse("no URL", "a file:, libsql:, http:, https:, ws: or wss: URL, or :memory:")
  }
  // Only of the schemes that it knows does URL split off host and credentials.
  if (url.protocol === "libsql:") url = new URL(`${url.searchParams.get("tls") === "0" ? "http" : "https"}${text.slice("libsql".length)}`)
  const shown = `${url.protocol}//${url.host}${url.pathname}`.replace(/\/+$/, "")
  if (!/^(https?|wss?):$/.test(url.protocol) || url.host === "") {
    refuse(url.protocol, "a file:, libsql:, http:, https:, ws: or wss: URL, or :memory:")
  }
  if (url.username !== "" || url.password !== "") refuse(`${shown} with credentials`, "the token in the option token")
  if (url.hash !== "") refuse(`${shown} with a fragment`, "a URL without one")
  for (const name of url.searchParams.keys()) {
    if (name !== "authToken" && name !== "tls") refuse(`${shown} with the parameter "${name}"`, "no parameters but authToken and tls")
  }
  return { kind: "remote", url: shown, token: url.searchParams.get("authToken") ?? undefined }
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The path, so that a later change of the working directory changes nothing. */
const absolute = (path: string): string => {
  if (/^([/\\]|[A-Za-z]:[/\\])/.test(path)) return path
  const { process }: { readonly process?: { cwd?(): string } } = globalThis
  const folder = process?.cwd?.()
  return folder === undefined ? path : `${folder.replace(/[/\\]$/, "")}/${path}`
}

/** For people; undefined for memory. */
export const locationOf = (place: Place): string | undefined =>
  place.kind === "remote" ? place.url : place.kind === "memory" ? undefined : place.path
