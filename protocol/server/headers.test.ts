import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { WireError } from "../errors.ts"
import { MEDIA_TYPE } from "../routes.ts"
import { contentEncodingOf, isMediaType } from "./headers.ts"
import { processorMillis } from "../../kernel/testing/processor-time.ts"

const isRefused = (error: unknown): boolean => error instanceof WireError && error.code === "unsupported_encoding" && error.status === 415

describe("contentEncodingOf()", () => {
  it("takes none, and one gzip, in any case", () => {
    for (const header of [null, "", " "]) assert.equal(contentEncodingOf(header), "none")
    for (const header of ["gzip", "GZIP", " gzip\t"]) assert.equal(contentEncodingOf(header), "gzip")
  })

  it("T14 refuses chains, however long, and every name that it does not know", () => {
    const chains = ["gzip, gzip", "gzip,gzip", "gzip,", ",gzip", Array(1000).fill("gzip").join(", "), "identity, gzip", "gzip gzip"]
    for (
      const header of [
        ...chains,
        "identity",
        "deflate",
        "x-gzip",
        "br",
        "zstd",
        "compress",
        "gzip;q=1",
        '"gzip"',
        "gzip\u00a0",
        "gzip\n",
        "__proto__",
      ]
    ) {
      assert.throws(() => contentEncodingOf(header), isRefused, header)
    }
  })

  it("T64 reads a megabyte of anything within 50 ms", () => {
    for (const header of [" ".repeat(1_000_000), "gzip,".repeat(200_000), "\t\n".repeat(500_000) + "x"]) {
      const started = processorMillis()
      try {
        contentEncodingOf(header)
      } catch (error) {
        assert.ok(isRefused(error))
        assert.ok(String(error).length < 1000)
      }
      assert.ok(processorMillis() - started < 250)
    }
  })
})

describe("isMediaType()", () => {
  it("looks at the type alone, not at its parameters, in any case", () => {
    for (const header of [MEDIA_TYPE, MEDIA_TYPE.toUpperCase(), ` ${MEDIA_TYPE} ; version=1`, `${MEDIA_TYPE};`]) {
      assert.ok(isMediaType(header, MEDIA_TYPE), header)
    }
  })

  it("T66 takes nothing that a form or a script without leave can send", () => {
    const others = [
      null,
      "",
      "text/plain",
      "multipart/form-data; boundary=x",
      "application/x-www-form-urlencoded",
      "application/json",
      "*/*",
    ]
    for (const header of [...others, `text/plain; ${MEDIA_TYPE}`, `${MEDIA_TYPE}x`, `text/plain, ${MEDIA_TYPE}`]) {
      assert.ok(!isMediaType(header, MEDIA_TYPE), String(header))
    }
  })
})
