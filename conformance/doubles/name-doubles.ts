/** Faults of names: several for one store, or none for some. */
import { InvalidStoreName } from "../../kernel/errors.ts"
import { adapterDouble, type Double, nameDouble } from "./double.ts"

export const nameDoubles: readonly Double[] = [
  nameDouble("keeps one store for all names", ["opening/stores-are-apart", "opening/many-stores", "names/plain"], () => "store"),
  nameDouble("cuts names at a dot", "names/plain", (storeName) => storeName.split(".")[0] || storeName),
  nameDouble("gives names that differ in letter case one store", "names/letter-case", (storeName) => storeName.toLowerCase()),
  nameDouble("normalises names", "names/normalisation", (storeName) => storeName.normalize("NFC")),
  nameDouble("cuts long names", "names/long", (storeName) => storeName.slice(0, 199)),
  nameDouble(
    "resolves names as paths",
    "names/dots-and-slashes",
    (storeName) => new URL(storeName.replaceAll("/", "%2f/"), "file:///root/").pathname,
  ),
  nameDouble(
    "takes names for escaped",
    "names/escapes",
    (storeName) => storeName.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
  ),
  nameDouble("loses dots and spaces at the end of a name", "names/devices", (storeName) => storeName.replace(/[. ]+$/, "")),
  nameDouble("loses quotes in names", "names/quotes", (storeName) => storeName.replace(/['"`]/g, "")),
  nameDouble("ends names at NUL", "names/control-characters", (storeName) => storeName.split("\0")[0]!),
  nameDouble("hides its own files behind a dot", "names/own-files", (storeName) => storeName.replace(/^\./, "")),
  nameDouble("keeps names in UTF-8", "names/ill-formed", (storeName) => new TextDecoder().decode(new TextEncoder().encode(storeName))),
  adapterDouble("takes names of ASCII only", "names/all-well-formed", (adapter) => ({
    open(storeName, options) {
      if (/[^\u0020-\u007e]/.test(storeName)) throw new InvalidStoreName({ name: storeName, reason: "it has other characters than ASCII" })
      return adapter.open(storeName, options)
    },
  })),
  adapterDouble("keeps names as members of an object", "names/prototypes", (adapter) => {
    const seen: Record<string, boolean> = {}
    return {
      open(storeName, options) {
        const isKnown = Boolean(seen[storeName])
        seen[storeName] = true
        return adapter.open(storeName, isKnown ? { ...options, create: false } : options)
      },
      list: async () => (await adapter.list()).filter((name) => Object.keys(seen).includes(name)),
    }
  }),
]
