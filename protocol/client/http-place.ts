/**
 * Where a remote on the web is: a URL that was checked before anything is sent to it.
 *
 *   scheme      https: · http: to this machine (localhost, 127.0.0.0/8, [::1]) · http: elsewhere only with `allowInsecure`
 *   host        with `allowHosts`: one of a list, or any that is public; else any, but none that only ever is a cloud's metadata service
 *   rest        a path; no credentials, no query, no fragment, of which none is ever shown
 *
 * Hosts are judged as the URL parser writes them, so that `2130706433`, `0x7f.1` and `127.0.0.1` are one. Which address a name leads to is not
 * known here: that a name cannot be turned to lead to somebody else's service is the certificate's work (hence https).
 */
import { InvalidOption } from "../../kernel/errors.ts"
import { type AddressKind, addressOf } from "./ip-address.ts"

/** A checked place. */
export interface HttpPlace {
  /** Scheme, host and path, without a slash at the end: what names it, and what routes are appended to. At most 1,024 bytes. */
  readonly url: string
  /** It is this machine. */
  readonly isLoopback: boolean
}

export interface HttpPlaceOptions {
  /** Plain http to other machines: whoever is on the way reads and changes everything, the token too. */
  readonly allowInsecure?: boolean | undefined
  /**
   * Hosts that may be called: a list of names (`sync.example.com`, with a port where it is not the scheme's, `*.example.com` for all below it), or
   * "public" for every host but this machine, addresses that are not on the internet, and names without a dot or below `.local`, `.localhost`,
   * `.internal`. For programs that get the URL from somebody else.
   */
  readonly allowHosts?: readonly string[] | "public" | undefined
}

const URL_BYTES_MAX = 1024
const refuse = (found: string, expected: string): never => {
  throw new InvalidOption({ option: "url", found, expected })
}

/** Throws `InvalidOption`, which shows of the URL its scheme, host and path at most. */
export const httpPlaceOf = (text: string, { allowInsecure = false, allowHosts }: HttpPlaceOptions = {}): HttpPlace => {
  const url = parse(text)
  const shown = `${url.protocol}//${url.host}${url.pathname}`.replace(/\/+$/, "")
  if (url.username !== "" || url.password !== "") refuse(`${shown} with credentials`, "the token in the option token")
  if (url.search !== "" || url.hash !== "") refuse(`${shown} with a query or fragment`, "a URL without one")
  if (shown.length > URL_BYTES_MAX) refuse(`a URL of ${shown.length} bytes`, `at most ${URL_BYTES_MAX}`)

  const address = addressOf(url.hostname)
  const isLoopback = address === "loopback" || url.hostname === "localhost"
  if (allowHosts === undefined) {
    if (address === "link-local" || address === "unspecified") refuse(shown, "a host that can be a remote, or to name it in allowHosts")
  } else if (allowHosts === "public") {
    if (!isPublic(url.hostname, address)) refuse(shown, "a host on the internet, as allowHosts asks")
  } else if (!allowHosts.some((allowed) => matches(url, allowed))) {
    refuse(shown, `one of the hosts in allowHosts: ${allowHosts.join(", ")}`)
  }
  if (url.protocol === "http:" && !isLoopback && !allowInsecure) {
    refuse(shown, "https, since plain http shows the token and the data to everybody on the way; allowInsecure allows it nevertheless")
  }
  return { url: shown, isLoopback }
}

const parse = (text: string): URL => {
  let url: URL | undefined
  try {
    if (typeof text === "string") url = new URL(text)
  } catch {
    // Not the text itself below: who knows what stands in it.
  }
  if (url === undefined) return refuse("no URL", "an https: URL")
  if (url.protocol !== "https:" && url.protocol !== "http:") refuse(url.protocol, "an https: URL")
  return url
}

const isPublic = (hostname: string, address: AddressKind | "name"): boolean => {
  if (address !== "name") return address === "public"
  const name = hostname.replace(/\.$/, "")
  return name.includes(".") && !/\.(local|localhost|internal)$/.test(name)
}

/** Does the URL lead to the host that an entry of the list names? Entries are written as in URLs: lower case, `[::1]`. */
const matches = (url: URL, entry: string): boolean => {
  const host = url.host.replace(/\.(?=:|$)/, "")
  const allowed = entry.toLowerCase()
  return allowed.startsWith("*.") ? host.endsWith(allowed.slice(1)) && host.length > allowed.length - 1 : host === allowed
}
