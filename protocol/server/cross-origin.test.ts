import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../../kernel/errors.ts"
import { WireError } from "../errors.ts"
import { CrossOrigin } from "./cross-origin.ts"

const APP = "https://app.example.com"
const from = (origin: string | undefined): Headers => new Headers(origin === undefined ? {} : { origin })
const isForbidden = (error: unknown): boolean => error instanceof WireError && error.code === "forbidden"

describe("CrossOrigin", () => {
  it("lets those pass that are no pages: they name no origin", () => {
    new CrossOrigin().check(from(undefined))
    assert.deepEqual(new CrossOrigin([APP]).answerHeaders(from(undefined)), {})
  })

  it("T65 lets pages of listed origins pass, and names exactly theirs", () => {
    const origins = new CrossOrigin([APP, "http://localhost:5173"])
    for (const origin of [APP, "http://localhost:5173"]) {
      origins.check(from(origin))
      const headers = origins.preflightHeaders(from(origin))
      assert.equal(headers["access-control-allow-origin"], origin)
      assert.equal(headers["access-control-allow-methods"], "POST")
      assert.ok(!("access-control-allow-credentials" in headers))
    }
  })

  it("T65, T67 refuses every other page, and names no origin to it", () => {
    const near = [
      `${APP}:8443`,
      `${APP}.evil.example`,
      "https://evil.example",
      "http://app.example.com",
      "https://APP.example.com",
      `${APP}/`,
      "null",
      "*",
      "",
      "file://",
    ]
    for (const origin of near) {
      for (const origins of [new CrossOrigin([APP]), new CrossOrigin()]) {
        assert.throws(() => origins.check(from(origin)), isForbidden, origin)
        assert.deepEqual(origins.answerHeaders(from(origin)), {})
      }
    }
    assert.throws(() => new CrossOrigin([APP]).check(from(`${APP}, ${APP}`)), isForbidden)
  })

  it("T65 takes no list that lets everybody in", () => {
    for (
      const origin of ["*", "null", "", "app.example.com", `${APP}/path`, `${APP}/`, "https://*.example.com:", "https://App.example.com"]
    ) {
      assert.throws(() => new CrossOrigin([origin]), InvalidOption, origin)
    }
  })
})
