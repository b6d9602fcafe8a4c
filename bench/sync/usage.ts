/** What a process of the sync rows has used of its machine. */
import process from "node:process"
import type { Counts } from "./messages.ts"

export const usage = (): Pick<Counts, "rssBytes" | "cpuMillis"> => {
  const { user, system } = process.cpuUsage()
  return { rssBytes: process.memoryUsage().rss, cpuMillis: (user + system) / 1000 }
}
