/** Every case of the suite for remotes through HTTP, one test a case: server processes of this runtime over SQLite. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { remoteCases, RemoteTrial, runCase } from "../mod.ts"
import { formatResult } from "../report.ts"
import { ServedPlace } from "./served-place.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000

describe("httpRemote(), with server processes over SQLite", () => {
  let place: ServedPlace | undefined
  before(async () => void (place = await ServedPlace.start()))
  after(async () => await place?.end())

  for (const one of remoteCases) {
    it(`${one.title} [${one.id}]`, async () => {
      const begin = (): Promise<RemoteTrial> => RemoteTrial.begin(place?.subject() ?? assert.fail("no server"))
      const result = await runCase(one, begin, CASE_MILLIS_MAX)
      // Of our own remotes we ask what is recommended, too, and that they can do everything.
      if (result.outcome !== "passed" || result.warnings.length > 0) assert.fail(formatResult(result))
    })
  }
})
