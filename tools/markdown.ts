/** What the checks read from Markdown: fenced code, headings, links. Enough for our own pages; not a parser of the language. */

export interface Fence {
  /** Language and marks after the opening backticks, such as `ts no-run`. */
  readonly info: readonly string[]
  readonly text: string
  /** Line of the opening backticks, counted from 1. */
  readonly line: number
}

/** Splits a page into its fenced code and the lines outside of it; fenced lines are blank there, so that line numbers stay. */
export const splitFences = (page: string): { readonly fences: readonly Fence[]; readonly prose: readonly string[] } => {
  const fences: Fence[] = []
  const prose: string[] = []
  let open: { readonly mark: string; readonly info: readonly string[]; readonly line: number; readonly lines: string[] } | undefined
  for (const [index, line] of page.split("\n").entries()) {
    if (open === undefined) {
      const fence = /^\s*(`{3,}|~{3,})\s*(.*)$/.exec(line)
      if (fence !== null) open = { mark: fence[1] ?? "", info: (fence[2] ?? "").split(/\s+/).filter(Boolean), line: index + 1, lines: [] }
      prose.push(fence === null ? line : "")
    } else {
      if (line.trim() === open.mark) {
        fences.push({ info: open.info, text: open.lines.join("\n"), line: open.line })
        open = undefined
      } else {
        open.lines.push(line)
      }
      prose.push("")
    }
  }
  return { fences, prose }
}

/** Headings of a page, without their marks. */
export const headings = (page: string): readonly string[] =>
  splitFences(page).prose.flatMap((line) => /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1] ?? [])

/** Anchors that a page offers, as GitHub makes them: lower case, spaces to hyphens, punctuation dropped, repeats numbered. */
export const anchors = (page: string): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  const found = new Set([...page.matchAll(/\b(?:id|name)="([^"]+)"/g)].map(([, id = ""]) => id))
  for (const heading of headings(page)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase()
    const slug = text.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-")
    const repeats = seen.get(slug) ?? 0
    seen.set(slug, repeats + 1)
    found.add(repeats === 0 ? slug : `${slug}-${repeats}`)
  }
  return found
}

/** Targets of the links and images of a page, with their lines; those in code are not links. */
export const links = (page: string): readonly { readonly target: string; readonly line: number }[] =>
  splitFences(page).prose.flatMap((line, index) =>
    [...line.replace(/`[^`]*`/g, "").matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s+(\S+)/g)]
      .map(([, inline, reference]) => ({ target: inline ?? reference ?? "", line: index + 1 }))
  )
