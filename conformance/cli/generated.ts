/** Pages of docs/ that a command writes: written again, or compared with what the command would write. */
import { readFile, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

/** A page, and the command that writes it. */
export interface GeneratedPage {
  /** Path from the repository's root. */
  readonly path: string
  /** How to write it again. */
  readonly command: string
}

const urlOf = ({ path }: GeneratedPage): URL => new URL(`../../${path}`, import.meta.url)

/** The page as it is; empty if there is none. */
export const readPage = async (page: GeneratedPage): Promise<string> => await readFile(urlOf(page), "utf8").catch(() => "")

/** Writes the page. */
export const writePage = async (page: GeneratedPage, text: string): Promise<void> => {
  await writeFile(urlOf(page), text)
  console.log(`wrote ${fileURLToPath(urlOf(page))}`)
}

/** Compares the page with what it should be; answers the exit code, 0 or 1. */
export const checkPage = async (page: GeneratedPage, text: string): Promise<number> => {
  if (await readPage(page) === text) {
    console.log(`${page.path}: ok`)
    return 0
  }
  console.error(`${page.path}: it is not what the cases are now; run ${page.command}`)
  return 1
}
