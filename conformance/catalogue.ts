/**
 * `node conformance/catalogue.ts`: writes docs/conformance-cases.md, every case of every suite with its level, needs, rule, and why it matters.
 *
 *   node conformance/catalogue.ts            writes the page
 *   node conformance/catalogue.ts --check    exits with 1 if the page is not what would be written
 */
import process from "node:process"
import { type CaseFacts, groupOf } from "./case.ts"
import { checkPage, type GeneratedPage, writePage } from "./cli/generated.ts"
import { clientCases, crdtCases, logStorageCases, remoteCases } from "./mod.ts"
import { wireCases } from "./server/suite.ts"

/** The cases of one kind of subject. */
export interface Chapter {
  readonly title: string
  /** What the rules quote, as a link. */
  readonly contract: string
  readonly cases: readonly CaseFacts[]
}

/** Every suite. */
export const chapters: readonly Chapter[] = [
  { title: "Adapters", contract: "[`kernel/ports/log-storage.ts`](../kernel/ports/log-storage.ts)", cases: logStorageCases },
  {
    title: "Remotes",
    contract: "[`kernel/ports/remote.ts`](../kernel/ports/remote.ts) and [`protocol/SPEC.md`](../protocol/SPEC.md)",
    cases: remoteCases,
  },
  {
    title: "Servers",
    contract:
      "[`protocol/SPEC.md`](../protocol/SPEC.md); a server is also asked nearly all cases of remotes, over a remote of this package",
    cases: wireCases,
  },
  {
    title: "Clients",
    contract:
      "[`protocol/SPEC.md`](../protocol/SPEC.md), [`docs/format.md`](format.md) and [`conformance/client/contract.ts`](../conformance/client/contract.ts)",
    cases: clientCases,
  },
  { title: "CRDT types", contract: "[`kernel/ports/crdt-type.ts`](../kernel/ports/crdt-type.ts)", cases: crdtCases },
]

const PAGE: GeneratedPage = { path: "docs/conformance-cases.md", command: "node conformance/catalogue.ts" }

/** Text of a comment as Markdown: links to names become the names, and what looks like markup is none. */
const toMarkdown = (text: string): string =>
  text.replace(/\{@link ([^}|]+)\}/g, "`$1`").split(/(`[^`]*`)/).map((part, index) =>
    index % 2 === 1 ? part : part.replace(/[<>*_[\]|]/g, "\\$&")
  ).join("")

const formatCase = ({ id, level, requires, title, rule, why }: CaseFacts): string =>
  [
    `- **\`${id}\`** · ${level}${requires.length === 0 ? "" : ` · needs ${requires.map((need) => `\`${need}\``).join(", ")}`}  `,
    `  ${toMarkdown(title)}  `,
    `  *Rule:* ${toMarkdown(rule)}  `,
    `  *Why:* ${toMarkdown(why)}`,
  ].join("\n")

const formatChapter = ({ title, contract, cases }: Chapter): string => {
  const groups = [...new Set(cases.map(({ id }) => groupOf(id)))]
  const musts = cases.filter(({ level }) => level === "MUST").length
  return [
    `## ${title}`,
    `${cases.length} cases, ${musts} of them MUST. The rules stand in ${contract}.`,
    ...groups.map((group) => [`### ${title}: ${group}`, ...cases.filter(({ id }) => groupOf(id) === group).map(formatCase)].join("\n\n")),
  ].join("\n\n")
}

/** The whole page. */
export const catalogue = (of: readonly Chapter[]): string =>
  `${
    [
      "# Cases of the conformance suite",
      "Written by `node conformance/catalogue.ts` from the cases themselves; edit those.",
      "A case has an id that never changes its meaning, a level (a failed MUST breaks conformance, a SHOULD is told), what the subject needs for it (it is\n" +
      "skipped without), the sentence of the contract that it checks, and why that matters. [How to run them](conformance.md).",
      ...of.map(formatChapter),
    ].join("\n\n")
  }\n`

/** Runs the call; answers the exit code. */
const main = async (args: readonly string[]): Promise<number> => {
  const text = catalogue(chapters)
  if (args.length === 0) {
    await writePage(PAGE, text)
    return 0
  }
  if (args.join() === "--check") return await checkPage(PAGE, text)
  console.error("usage: node conformance/catalogue.ts [--check]")
  return 2
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
