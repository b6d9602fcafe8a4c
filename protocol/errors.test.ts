import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { describe, it } from "node:test"
import { RemoteError, RemoteUnreachable, Unauthenticated } from "../kernel/errors.ts"
import { errorOfStatus } from "./error-answer.ts"
import { WIRE_ERRORS, WireError } from "./errors.ts"
import { decodeErrorAnswer, encodeErrorAnswer } from "./messages.ts"
import { agreeFeatures, agreeVersion } from "./negotiation.ts"
import { HEALTH_PATH, isRequestId, ROUTES, versionOfPath } from "./routes.ts"
import { FEATURES } from "./version.ts"

const codeOf = (work: () => unknown): unknown => {
  try {
    work()
  } catch (error) {
    if (error instanceof WireError) return [error.code, error.details]
    throw error
  }
  return "it did not throw"
}

describe("agreeVersion()", () => {
  it("P3, R3 selects the greatest common version, and names its own where there is none", () => {
    for (const offered of [[1], [0, 1], [999, 1, 2], [1, 1, 1]]) assert.equal(agreeVersion(offered), 1)
    for (const offered of [[], [0], [2], [999, 2 ** 53 - 1]]) {
      assert.deepEqual(codeOf(() => agreeVersion(offered)), ["unsupported_version", { min: 1, max: 1 }])
    }
  })
})

describe("agreeFeatures()", () => {
  it("P5, P6, R6 uses what both have, leaves out what is not known, and refuses what is needed and not there by its name", () => {
    assert.deepEqual(agreeFeatures(["gzip", "live", "gzip", "later"], FEATURES), ["gzip", "live"])
    assert.deepEqual(agreeFeatures(["must-gzip", "gzip"], FEATURES), ["gzip"])
    assert.deepEqual(agreeFeatures(["gzip", "live"], ["live"]), ["live"])
    assert.deepEqual(agreeFeatures([], FEATURES), [])
    assert.deepEqual(codeOf(() => agreeFeatures(["live", "must-state"], FEATURES)), ["unsupported_feature", { feature: "state" }])
    assert.deepEqual(codeOf(() => agreeFeatures(["must-live"], ["gzip"])), ["unsupported_feature", { feature: "live" }])
    assert.deepEqual(codeOf(() => agreeFeatures(["must-"], FEATURES)), ["unsupported_feature", { feature: "" }])
  })
})

describe("routes", () => {
  it("T31 each has a right, a path of its own and POST; there is no other", () => {
    assert.deepEqual(Object.values(ROUTES).map(({ method, path, needs }) => [method, path, needs]), [
      ["POST", "/v1/handshake", "any"],
      ["POST", "/v1/push", "write"],
      ["POST", "/v1/pull", "read"],
      ["POST", "/v1/watch", "read"],
      ["POST", "/v1/wait", "read"],
    ])
    for (const [name, route] of Object.entries(ROUTES)) assert.equal(route.name, name)
    assert.equal(HEALTH_PATH, "/v1/health")
  })

  it("P2 tell the version of a path", () => {
    for (const [path, version] of [["/v1/push", 1], ["/v0/push", 0], ["/v999/handshake", 999], ["/v01/x", 1]] as const) {
      assert.equal(versionOfPath(path), version)
    }
    for (
      const path of [
        "",
        "/",
        "/push",
        "/v/push",
        "/v1",
        "/v1/",
        "/v1/a/b",
        "/V1/push",
        "/v1.0/push",
        "/v-1/push",
        "/v1/pu%73h",
        "x/v1/push",
      ]
    ) {
      assert.equal(versionOfPath(path), undefined, path)
    }
  })

  it("T64, T78 take short visible ids of requests alone", () => {
    for (const id of ["a", "0f3c-1", "!~", "x".repeat(128)]) assert.ok(isRequestId(id))
    for (const id of ["", "x".repeat(129), "a b", "a\nb", "\u001b[31m", "é", "\u202e", "x".repeat(1_000_000)]) assert.ok(!isRequestId(id))
  })
})

describe("errors of the wire", () => {
  it("P59, P61, P62 each has a status and advice, and comes through as it was", () => {
    for (const [code, { status, retry }] of Object.entries(WIRE_ERRORS)) {
      const error = decodeErrorAnswer(encodeErrorAnswer(new WireError(code, "why", { details: { a: 1 } }), "r-1"))
      assert.deepEqual([error.code, error.status, error.retry, error.message, error.details, error.requestId], [
        code,
        status,
        retry,
        "why",
        { a: 1 },
        "r-1",
      ])
      assert.ok(status >= 400 && status < 600)
    }
    assert.equal(Object.keys(WIRE_ERRORS).length, 17)
  })

  it("P62 are those of the specification, row by row", async () => {
    const page = await readFile(new URL("./SPEC.md", import.meta.url), "utf8")
    const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| ([a-z_]+) \|/gm)].map((
      [, code, status, retry],
    ) => [code, Number(status), retry])
    assert.deepEqual(rows, Object.entries(WIRE_ERRORS).map(([code, { status, retry }]) => [code, status, retry]))
  })

  it("cut their message, whatever it holds", () => {
    const error = decodeErrorAnswer(encodeErrorAnswer(new WireError("internal", "ü\ud800".repeat(1000))))
    assert.equal(error.message, "ü\ufffd".repeat(200))
  })

  it("P61 by status alone only where proxies mean the same, else nobody was reached", () => {
    const of = (status: number) => errorOfStatus(status, "r", "pull", 500)
    assert.ok(of(401) instanceof Unauthenticated)
    for (
      const [status, code, retryable] of [[403, "forbidden", false], [413, "body_too_large", false], [429, "rate_limited", true], [
        503,
        "overloaded",
        true,
      ]] as const
    ) {
      const error = of(status)
      assert.ok(error instanceof RemoteError)
      assert.deepEqual([error.details.remoteCode, error.retryable, error.details.retryAfterMillis], [code, retryable, 500])
    }
    for (const status of [200, 204, 301, 400, 404, 407, 408, 415, 418, 426, 500, 502, 504, 507, 511]) {
      assert.ok(of(status) instanceof RemoteUnreachable, String(status))
    }
  })
})
