/** Goal: seeds in every test run. Node plays 300 of them, the other runtimes a few: what they share is the kernel, not the clock of the test. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { runCampaign } from "./campaign.ts"
import { runSeed, STEPS_DEFAULT } from "./simulation.ts"

const isNode = !("Deno" in globalThis) && !("Bun" in globalThis)
const SEEDS = isNode ? 300 : 10
const BATCH = isNode ? 50 : 10

describe("runSeed()", () => {
  for (let from = 1; from <= SEEDS; from += BATCH) {
    it(`holds every invariant in the seeds ${from} to ${from + BATCH - 1}`, async () => {
      const seeds = Array.from({ length: BATCH }, (_, at) => from + at)
      const { findings, runs } = await runCampaign({ seeds, steps: STEPS_DEFAULT })
      assert.deepEqual(findings, [], "replay a seed by: npm run simulate -- --seeds 1 --show --from SEED")
      assert.equal(runs, BATCH)
    })
  }

  it("is the same run for the same seed, and another one for another", async () => {
    const [one, again, other] = [await runSeed(7, { steps: 200 }), await runSeed(7, { steps: 200 }), await runSeed(8, { steps: 200 })]
    assert.equal(one.trace, again.trace)
    assert.notEqual(one.trace, other.trace)
  })

  it("reaches every verb of the protocol and syncs what was written", async () => {
    const { counts: { byName } } = await runCampaign({ seeds: [1, 2, 3, 4, 5, 6], steps: STEPS_DEFAULT })
    for (const name of ["handshake → handshake", "pull → page", "push → ok"]) assert.ok((byName.get(name) ?? 0) > 0, name)
  })
})
