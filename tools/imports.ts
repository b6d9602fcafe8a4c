/**
 * Import specifiers of a TypeScript file, without a parser: TypeScript 7 has no JavaScript API.
 *
 * Comments, templates and other strings are blanked first. That is enough for code that `tsc` accepts: there `from "…"` stands only after
 * import and export, and `import("…")` is an import, of a value or of a type. A specifier that is computed is not seen.
 */

/** `source` with comments, templates and all strings but specifiers replaced by blanks of the same length; line breaks stay. */
const blankAllButSpecifiers = (source: string): string => {
  const pattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g
  return source.replace(pattern, (match, at: number) => {
    const isSpecifier = (match[0] === '"' || match[0] === "'") &&
      /\b(?:from|import|import(?:\.meta\.resolve)?\s*\()\s*$/.test(source.slice(Math.max(0, at - 24), at))
    return isSpecifier ? match : match.replace(/[^\n]/g, " ")
  })
}

/** Every specifier that `source` imports or re-exports, static, dynamic and type-only, in order of appearance, each once. */
export const importSpecifiers = (source: string): readonly string[] => {
  const pattern = /\bfrom\s*(["'])(.+?)\1|\bimport\s*\(\s*(["'])(.+?)\3|(?:^|[;\n])\s*import\s*(["'])(.+?)\5/g
  const found = new Set<string>()
  for (const match of blankAllButSpecifiers(source).matchAll(pattern)) found.add(match[2] ?? match[4] ?? match[6] ?? "")
  return [...found]
}

/** Every specifier that `source` resolves without loading it: programs that it starts, each once. */
export const resolvedSpecifiers = (source: string): readonly string[] => {
  const pattern = /\bimport\.meta\.resolve\s*\(\s*(["'])(.+?)\1/g
  return [...new Set([...blankAllButSpecifiers(source).matchAll(pattern)].map((match) => match[2] ?? ""))]
}
