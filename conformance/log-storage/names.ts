/** Names: each is a store of its own, or refused; never two names for one store, never a store outside of the place. */
import { InvalidStoreName } from "../../kernel/errors.ts"
import { STORE_NAME_BYTES_MAX } from "../../kernel/limits.ts"
import { ensure, ensureError, equal, equalBytes, fail, outcomeOf } from "../expect.ts"
import { ALL, bytesOfText } from "./frames.ts"
import type { LogStorageCase, LogStorageTrial } from "./trial.ts"

const RULE = "Names of the stores that are here, byte for byte as they were created, in any order."

/** Frame by which a store is told from another. The name's code units, since ill-formed names look alike in UTF-8. */
const markOf = (name: string): Uint8Array<ArrayBuffer> =>
  bytesOfText(`store ${[...name].length} ${Array.from({ length: name.length }, (_, index) => name.charCodeAt(index)).join(",")}`)

/** Gives every name a store, where it is accepted, and fails unless each holds what is its own. Answers the refused names. */
const roundTrip = async (trial: LogStorageTrial, names: readonly string[]): Promise<readonly string[]> => {
  const accepted: string[] = []
  const refused: string[] = []
  for (const name of names) {
    const outcome = await outcomeOf(() => trial.open(name))
    if (outcome.kind === "error") {
      ensureError(`opening the store ${JSON.stringify(name)}`, outcome.error, InvalidStoreName)
      refused.push(name)
      continue
    }
    const storage = outcome.value
    if (!storage.opened.created || await storage.head() !== 0) {
      fail(`the store ${JSON.stringify(name)} is one of ${JSON.stringify(accepted)}`)
    }
    await storage.append(1, markOf(name))
    accepted.push(name)
    await trial.closeAll()
  }
  equal([...await trial.adapter.list()].sort(), [...accepted].sort(), "list()")
  await trial.reopen()
  if (!trial.capabilities.durable && trial.canReopen) return refused
  equal([...await trial.adapter.list()].sort(), [...accepted].sort(), "list() in a fresh process")
  for (const name of accepted) {
    const storage = await trial.open(name, { create: false })
    equal(await storage.head(), 1, `head() of the store ${JSON.stringify(name)}`)
    equalBytes((await storage.read(0, ALL))[0], markOf(name), `the frame of the store ${JSON.stringify(name)}`)
    await trial.closeAll()
  }
  for (const name of accepted) {
    await trial.adapter.destroy(name)
    ensure(!(await trial.adapter.list()).includes(name), `the store ${JSON.stringify(name)} is listed after destroy()`)
  }
  equal(await trial.adapter.list(), [], "list() after all were destroyed")
  return refused
}

const nameCase = (id: string, title: string, why: string, names: readonly string[]): LogStorageCase => ({
  id: `names/${id}`,
  title,
  level: "MUST",
  requires: [],
  rule: RULE,
  why,
  run: async (trial) => void await roundTrip(trial, names),
})

export const nameCases: readonly LogStorageCase[] = [
  nameCase("plain", "words, digits, dashes and a single letter", "Ordinary names are what nearly every user has.", [
    "a",
    "notes",
    "notes-2",
    "notes_2",
    "notes.db",
    "2",
    "-",
    "_",
  ]),
  nameCase(
    "letter-case",
    "names that differ only in letter case are two stores, or one is refused",
    "On disks and in columns that ignore case two stores become one, and overwrite each other.",
    [
      "Notes",
      "notes",
      "NOTES",
      "STRASSE",
      "straße",
      "ı",
      "I",
      "i",
      "İ",
    ],
  ),
  nameCase(
    "normalisation",
    "names that look the same but differ in code points are two stores, or one is refused",
    "Some file systems change code points, and then two stores become one, or a listed name cannot be opened.",
    [
      "\u00e9",
      "e\u0301",
      "\ufb01",
      "fi",
      "\u212b",
      "\u00c5",
    ],
  ),
  nameCase(
    "dots-and-slashes",
    "T22 names that are paths stay inside of the place",
    "Names come from users: one that is a path could read or overwrite files outside of the place.",
    [
      ".",
      "..",
      "../escape",
      "a/../b",
      "/absolute",
      "a\\b",
      "..\\escape",
      "C:",
      "C:\\x",
      "~",
      "a/b",
      "./a",
      "a/",
      "//server/share",
    ],
  ),
  nameCase(
    "escapes",
    "T22 names that look like escapes mean nothing but themselves",
    "A name that is decoded once too often becomes another store, or a path.",
    [
      "%2e%2e",
      "%2E%2E",
      "%252e",
      "%",
      "%%",
      "%61",
      "a",
      "+",
      "&amp;",
      "\\u0061",
      "$HOME",
      "${x}",
      "`x`",
    ],
  ),
  nameCase(
    "devices",
    "T24 names that some systems reserve are names like others, or refused",
    "On Windows such a name opens a device instead of a file, and the data go nowhere.",
    [
      "CON",
      "con",
      "con.txt",
      "NUL",
      "nul",
      "aux",
      "COM1",
      "LPT9",
      "trailing.",
      "trailing ",
      "trailing",
      " leading",
      "leading",
    ],
  ),
  nameCase(
    "quotes",
    "T25 names with quotes and SQL are names like others, or refused",
    "A name that is put into SQL as it is can delete everything.",
    [
      "'",
      '"',
      "`",
      "a'b",
      "';--",
      "; DROP TABLE frames",
      'a"b',
      "]",
      "[",
      "%_",
      "*",
      "?",
      ":memory:",
      "file:x?mode=ro",
    ],
  ),
  nameCase(
    "control-characters",
    "names with control characters are names like others, or refused",
    "Names that end lines or strings early are cut, so two stores become one.",
    [
      "a\0b",
      "\0",
      "a\nb",
      "a\rb",
      "\t",
      "\u001b[2J",
      "\u007f",
      "\u202egnp",
      "\u200b",
      "\ufeff",
    ],
  ),
  nameCase(
    "prototypes",
    "T18 names of members of Object.prototype are names like others",
    "A table made of a plain object answers members that nobody put there.",
    [
      "__proto__",
      "constructor",
      "prototype",
      "toString",
      "hasOwnProperty",
      "valueOf",
      "then",
    ],
  ),
  nameCase(
    "own-files",
    "names that an adapter might use for its own files are names like others, or refused",
    "A store with the name of an internal file overwrites it, or is overwritten by it.",
    [
      "lock",
      "LOCK",
      ".lock",
      "snapshots",
      "segments",
      "meta",
      "frames",
      "sqlite_master",
      "notes-wal",
      "notes-shm",
      "notes.lock",
      "persist",
      ".tmp",
    ],
  ),
  nameCase(
    "long",
    "names up to and over the limit of 200 bytes are told apart to the last byte, or refused",
    "Systems cut long names quietly, and two stores become one.",
    [
      "x".repeat(STORE_NAME_BYTES_MAX),
      "x".repeat(STORE_NAME_BYTES_MAX - 1),
      "x".repeat(STORE_NAME_BYTES_MAX - 1) + "y",
      "x".repeat(STORE_NAME_BYTES_MAX + 1),
      "x".repeat(255),
      "x".repeat(256),
      "x".repeat(4096),
      "\u{1f600}".repeat(STORE_NAME_BYTES_MAX / 4),
      "\u{1f600}".repeat(STORE_NAME_BYTES_MAX / 4 + 1),
      "\u00e9".repeat(STORE_NAME_BYTES_MAX / 2),
      "/".repeat(STORE_NAME_BYTES_MAX),
      "\u0001".repeat(STORE_NAME_BYTES_MAX),
    ],
  ),
  {
    id: "names/ill-formed",
    title: "an empty name and names with lone surrogates are refused, or stores of their own",
    level: "MUST",
    requires: [],
    rule: RULE,
    why: "Encoders replace what is ill-formed by one and the same character, so two stores become one.",
    async run(trial) {
      await roundTrip(trial, ["", "\ud800", "\ud801", "\udfff", "a\ud800b", "\ufffd"])
    },
  },
  {
    id: "names/all-well-formed",
    title: "every well-formed name of 1 to 200 bytes is accepted",
    level: "SHOULD",
    requires: [],
    rule: "Names of the stores that are here, byte for byte as they were created, in any order.",
    why: "Users name stores in their own language.",
    async run(trial) {
      const names = [
        "\u{1f600}",
        "日本語",
        "Notes",
        "notes",
        "\u00e9",
        "e\u0301",
        "a/b",
        "..",
        "con",
        "x ",
        "__proto__",
        "'",
        "%2e",
        "x".repeat(STORE_NAME_BYTES_MAX),
        "/".repeat(STORE_NAME_BYTES_MAX),
      ]
      equal(await roundTrip(trial, names), [], "refused names")
    },
  },
]
