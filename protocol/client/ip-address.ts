/**
 * Addresses that stand in URLs instead of a name, and what they lead to. Ranges: the registries of special-purpose addresses of IANA
 * (RFC 6890 and what updates it). As the URL parser writes them: four decimal numbers, or the shortest form of version 6 in brackets.
 */

/** `link-local` has the metadata services of clouds; `private` is everything else that is not on the internet. */
export type AddressKind = "loopback" | "unspecified" | "link-local" | "private" | "public"

/** What a URL's hostname leads to, or that it is a name. */
export const addressOf = (hostname: string): AddressKind | "name" => {
  if (hostname.startsWith("[")) return kindOfVersion6(groupsOf(hostname.slice(1, -1)))
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? kindOfVersion4(hostname.split(".").map(Number)) : "name"
}

const kindOfVersion4 = ([first = 0, second = 0, third = 0]: readonly number[]): AddressKind => {
  if (first === 127) return "loopback"
  if (first === 0) return "unspecified"
  if (first === 169 && second === 254) return "link-local"
  const isPrivate = first === 10 || // RFC 1918, as the next two
    (first === 172 && second >= 16 && second < 32) ||
    (first === 192 && second === 168) ||
    (first === 100 && second >= 64 && second < 128) || // shared by carriers, RFC 6598; some clouds have metadata here
    (first === 192 && second === 0 && (third === 0 || third === 2)) || // protocol assignments, documentation
    (first === 198 && (second === 18 || second === 19)) || // benchmarks
    (first === 198 && second === 51 && third === 100) || // documentation, as the next
    (first === 203 && second === 0 && third === 113) ||
    first >= 224 // multicast, reserved, broadcast
  return isPrivate ? "private" : "public"
}

const kindOfVersion6 = (groups: readonly number[]): AddressKind => {
  const [first = 0, second = 0] = groups
  const isZero = (from: number, to: number): boolean => groups.slice(from, to).every((group) => group === 0)
  const last4 = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff])
  if (isZero(0, 7) && groups[7] === 0) return "unspecified"
  if (isZero(0, 7) && groups[7] === 1) return "loopback"
  if (isZero(0, 5) && groups[5] === 0xffff) return kindOfVersion4(last4) // version 4 in version 6, RFC 4291
  if (first === 0x64 && second === 0xff9b && isZero(2, 6)) return kindOfVersion4(last4) // translated to version 4, RFC 6052
  if ((first & 0xffc0) === 0xfe80) return "link-local"
  if (first === 0xfd00 && second === 0xec2) return "link-local" // unique local, but a cloud's metadata service
  // Global addresses are in 2000::/3; of those 2001::/23 is for protocols, 2001:db8::/32 for documentation, 2002::/16 carries version 4.
  if (first === 0x2002) return kindOfVersion4([second >> 8, second & 0xff, (groups[2] ?? 0) >> 8, (groups[2] ?? 0) & 0xff])
  const isGlobal = (first & 0xe000) === 0x2000 && !(first === 0x2001 && (second < 0x200 || second === 0xdb8))
  return isGlobal ? "public" : "private"
}

/** The eight groups of an address whose longest run of zeros may be written `::`. */
const groupsOf = (text: string): readonly number[] => {
  const [head = "", tail] = text.split("::")
  const parse = (part: string): number[] => part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))
  const [first, last] = [parse(head), parse(tail ?? "")]
  return [...first, ...Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last]
}
