import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { anyHistory } from "../testing/histories.ts"
import { OracleViews } from "../testing/model-oracle.ts"
import { anyDelivery, encodeOracleFrame, foldBytes, newViews, showKernel, showOracle } from "../testing/oracle-frames.ts"

describe("StoreViews", () => {
  it("foldFrame() gives what the plain rules give after every frame, however blocks are cut, withheld and repeated", () => {
    fc.assert(
      fc.property(anyDelivery(anyHistory), (frames) => {
        const views = newViews(), oracle = new OracleViews()
        for (const [at, blocks] of frames.entries()) {
          foldBytes(views, encodeOracleFrame(blocks, at + 1))
          oracle.fold(blocks)
          assert.deepEqual(showKernel(views), showOracle(oracle))
        }
      }),
      { numRuns: 400 },
    )
  })
})
