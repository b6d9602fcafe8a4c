/** Vectors of settings: what each says, and bytes that are none, each with one rule broken. */
import { encodeSetting } from "../../kernel/format/settings.ts"
import { splitArray } from "./blocks.ts"
import { fromSettingNotation, type Refusal, type RefusedVector, refusedVector, type SettingNotation, toHex } from "./notation.ts"
import { readSetting } from "./reader/frame.ts"

export interface SettingVectors {
  /** For reading and writing. */
  readonly settings: readonly { readonly name: string; readonly setting: SettingNotation; readonly hex: string }[]
  readonly refused: readonly RefusedVector[]
}

/** A setting of a strategy, or of a CRDT type by its name; where nothing else is said, what that strategy does with deletes. */
export const settingOf = (
  strategy: SettingNotation["strategy"],
  collection: string | null = null,
  deleteConflict: SettingNotation["deleteConflict"] = strategy === "manual" || strategy === "last-write-wins" ? strategy : "keep-update",
): SettingNotation => ({ collection, strategy, deleteConflict, type: strategy === "crdt" ? "counter" : null })

/** The content of its part. */
export const settingHex = (setting: SettingNotation): string => toHex(encodeSetting(fromSettingNotation(setting)))

const STRATEGIES = ["last-write-wins", "merge", "manual", "crdt"] as const
const DELETE_CONFLICTS = ["keep-update", "last-write-wins", "manual"] as const
/** Every strategy with every deleteConflict, in the order of their numbers. */
export const matrixOf = (collection: string): SettingNotation[] =>
  STRATEGIES.flatMap((strategy) => DELETE_CONFLICTS.map((deleteConflict) => settingOf(strategy, collection, deleteConflict)))

const SETTINGS: readonly (readonly [name: string, setting: SettingNotation])[] = [
  ...matrixOf("notes").map((setting) => [`${setting.strategy}, deleteConflict ${setting.deleteConflict}`, setting] as const),
  ["of all collections that have none of their own", settingOf("manual")],
  ["of the default collection, which is not all", settingOf("merge", "")],
  ["a collection's name of 200 bytes", settingOf("manual", "\u{1f600}".repeat(50))],
  ["a type's name of 64 bytes", { ...settingOf("crdt", "n"), type: "\u00e9".repeat(32) }],
  ["a type's name of 1 byte", { ...settingOf("crdt", ""), type: "t" }],
]

const text = (length: number): string => `d9${length.toString(16)}${"61".repeat(length)}`
/** A setting with some of its elements replaced. */
const changed = (setting: SettingNotation, elements: { readonly [index: number]: string }): string =>
  `94${splitArray(encodeSetting(fromSettingNotation(setting))).map((element, index) => elements[index] ?? element).join("")}`

function refusedSettings(): readonly (readonly [name: string, refusal: Refusal, hex: string])[] {
  const manual = settingOf("manual", "notes"), crdt = settingOf("crdt", "notes"), hex = settingHex(manual)
  return [
    ["nothing", "damaged", ""],
    ["nil", "damaged", "c0"],
    ["a map", "damaged", `84${hex.slice(2)}`],
    ["three elements", "damaged", `93${hex.slice(2, -2)}`],
    ["five elements", "damaged", `95${hex.slice(2)}c0`],
    ["the number of elements in a long form", "damaged", `dc0004${hex.slice(2)}`],
    ["the last element is missing", "damaged", hex.slice(0, -2)],
    ["one byte too many", "damaged", `${hex}c0`],
    ["a collection as binary", "damaged", changed(manual, { 0: "c4056e6f746573" })],
    ["a collection as number", "damaged", changed(manual, { 0: "00" })],
    ["a collection's name in a long form", "damaged", changed(manual, { 0: "d9056e6f746573" })],
    ["a collection's name of 201 bytes", "damaged", changed(manual, { 0: text(201) })],
    ["a collection's name that is not well-formed", "damaged", changed(manual, { 0: "a2c080" })],
    ["a collection's name that is longer than the setting", "damaged", changed(manual, { 0: "bf6e6f746573" })],
    ["a strategy as nil", "damaged", changed(manual, { 1: "c0" })],
    ["a strategy below 0", "damaged", changed(manual, { 1: "ff" })],
    ["a strategy in a long form", "damaged", changed(manual, { 1: "cc02" })],
    ["strategy 4", "too new", changed(manual, { 1: "04" })],
    ["strategy 255", "too new", changed(manual, { 1: "ccff" })],
    ["strategy 4, and a type", "too new", changed(crdt, { 1: "04" })],
    ["strategy 4, and a type of 65 bytes", "too new", changed(crdt, { 1: "04", 3: text(65) })],
    ["strategy 4 behind a name of 201 bytes", "damaged", changed(manual, { 0: text(201), 1: "04" })],
    ["deleteConflict as nil", "damaged", changed(manual, { 2: "c0" })],
    ["deleteConflict as text", "damaged", changed(manual, { 2: "a0" })],
    ["deleteConflict 3", "too new", changed(manual, { 2: "03" })],
    ["deleteConflict 3, and a type that does not belong there", "too new", changed(manual, { 2: "03", 3: "a174" })],
    ["a type as binary", "damaged", changed(crdt, { 3: "c40174" })],
    ["a type's name of 65 bytes", "damaged", changed(crdt, { 3: text(65) })],
    ["a type's name that is not well-formed", "damaged", changed(crdt, { 3: "a1ff" })],
    ["an empty type", "damaged", changed(crdt, { 3: "a0" })],
    ["strategy crdt without a type", "damaged", changed(crdt, { 3: "c0" })],
    ["strategy crdt of all collections", "damaged", changed(crdt, { 0: "c0" })],
    ...STRATEGIES.slice(0, 3).map((strategy) =>
      [`strategy ${strategy} with a type`, "damaged", changed(settingOf(strategy, "notes"), { 3: "a174" })] as const
    ),
    ["strategy manual with an empty type", "damaged", changed(manual, { 3: "a0" })],
  ]
}

export function settingVectors(): SettingVectors {
  return {
    settings: SETTINGS.map(([name, setting]) => ({ name, setting, hex: settingHex(setting) })),
    refused: refusedSettings().map(([name, refusal, hex]) => refusedVector(name, refusal, hex, readSetting)),
  }
}
