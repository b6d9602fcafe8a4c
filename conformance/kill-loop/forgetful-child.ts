/** A double of the child: one call in five is acknowledged and never made. It proves that the kill loop can fail. */
import process from "node:process"
import { makeCall, runChild } from "./records-child.ts"

if (import.meta.main) {
  await runChild(JSON.parse(process.argv[2]!), async (store, call) => call.number % 5 === 4 ? undefined : await makeCall(store, call))
}
