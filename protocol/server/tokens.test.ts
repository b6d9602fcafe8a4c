import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { describe, it } from "node:test"
import { InvalidOption } from "../../kernel/errors.ts"
import { type Identity, rightsTo } from "./identity.ts"
import { indexOfDigest, matchesStore, sha256Of, type TokenGrant, tokens } from "./tokens.ts"
import { processorMillis } from "../../kernel/testing/processor-time.ts"

const ALICE = "alice-secret-0123456789", BOB = "bob-secret-9876543210", NEW = "alice-next-secret-1234"
const hex = (text: string): string => createHash("sha256").update(text).digest("hex")
const NOTHING = { read: false, write: false, relay: false, admin: false }

const ask = async (grants: Parameters<typeof tokens>[0], authorization: string | undefined): Promise<Identity | undefined> =>
  await tokens(grants)(new Request("http://server.test/", { headers: authorization === undefined ? {} : { authorization } }))

describe("tokens()", () => {
  it("knows a principal by its token, or by the digest of it", async () => {
    const grants = { alice: { token: ALICE, stores: ["*"] }, bob: { sha256: hex(BOB).toUpperCase(), stores: ["*"], namespace: "team" } }
    const [alice, bob] = [await ask(grants, `Bearer ${ALICE}`), await ask(grants, `bearer ${BOB}`)]
    assert.deepEqual([alice?.principal, alice?.namespace, bob?.principal, bob?.namespace], ["alice", "alice", "bob", "team"])
    assert.deepEqual(rightsTo(alice!, "any"), { read: true, write: true, relay: true, admin: false })
  })

  it("takes several tokens of one principal, each with rights of its own", async () => {
    const grants = { alice: [{ token: ALICE, stores: ["*"] }, { token: NEW, stores: ["*"], rights: { read: true } }] }
    assert.deepEqual(rightsTo((await ask(grants, `Bearer ${NEW}`))!, "s"), { ...NOTHING, read: true })
    assert.deepEqual(rightsTo((await ask(grants, `Bearer ${ALICE}`))!, "s").write, true)
  })

  it("T30 gives no right at stores that a token is not for", async () => {
    const identity = (await ask({ alice: { token: ALICE, stores: ["notes", "team-*"] } }, `Bearer ${ALICE}`))!
    for (const store of ["notes", "team-", "team-1"]) assert.ok(rightsTo(identity, store).write, store)
    for (const store of ["note", "notes2", "team", "Team-1", "*", "", "__proto__"]) {
      assert.deepEqual(rightsTo(identity, store), NOTHING, store)
    }
  })

  it("T36 takes the scheme Bearer with one token, and nothing else", async () => {
    const grants = { alice: { token: ALICE, stores: ["*"] } }
    const wrong = [undefined, "", ALICE, `Basic ${ALICE}`, `Token ${ALICE}`, `Bearer`, "Bearer ", `Bearer${ALICE}`, `XBearer ${ALICE}`]
    const several = [`Bearer ${ALICE}, Bearer ${ALICE}`, `Bearer ${ALICE},${ALICE}`, `Bearer ${ALICE} ${ALICE}`, `Bearer Bearer ${ALICE}`]
    for (const header of [...wrong, ...several]) assert.equal(await ask(grants, header), undefined, String(header))
  })

  it("T36 knows no token that differs in anything", async () => {
    const grants = { alice: { token: ALICE, stores: ["*"] } }
    const near = [ALICE.slice(1), ALICE.slice(0, -1), `${ALICE}x`, ALICE.toUpperCase(), hex(ALICE), `${ALICE}\u00a0`, "a".repeat(100_000)]
    for (const token of near) assert.equal(await ask(grants, `Bearer ${token}`), undefined)
  })

  it("T37 compares digests, all bytes of all of them, wherever they begin to differ", () => {
    // What decides is counted, not timed: the time of a machine that others use says nothing. Every byte of every digest is read once.
    let reads = 0
    const counted = (bytes: Uint8Array): Uint8Array =>
      new Proxy(bytes, { get: (target, key): unknown => (reads++, Reflect.get(target, key)) })
    const secret = sha256Of(ALICE), others = [sha256Of(BOB), secret, sha256Of(NEW)]
    const early = secret.with(0, secret[0]! ^ 1), late = secret.with(31, secret[31]! ^ 1)
    const counts = [secret, early, late, new Uint8Array(32), others[0]!].map((digest) => {
      reads = 0
      indexOfDigest(others.map(counted), digest)
      return reads
    })
    assert.deepEqual(counts, Array(5).fill(3 * 32))
    assert.deepEqual([secret, early, late, others[0]!, others[2]!].map((digest) => indexOfDigest(others, digest)), [1, -1, -1, 0, 2])
    assert.equal(indexOfDigest([], secret), -1)
  })

  it("T37 takes a time that does not tell how near a token was", () => {
    // Goal: find a comparison that returns early. Two classes of digests, the first byte wrong and the last one wrong, are compared in turns;
    // the fastest of many rounds of each has the least noise. An early return would make one class many times faster.
    const digests = Array.from({ length: 64 }, (_, n) => sha256Of(`token ${n}`))
    const first = digests.at(-1)!.with(0, digests.at(-1)![0]! ^ 1), last = digests.at(-1)!.with(31, digests.at(-1)![31]! ^ 1)
    const fastest = [Infinity, Infinity]
    for (let round = 0; round < 300; round++) {
      for (const [which, digest] of [first, last].entries()) {
        const started = performance.now()
        for (let n = 0; n < 20; n++) indexOfDigest(digests, digest)
        fastest[which] = Math.min(fastest[which]!, performance.now() - started)
      }
    }
    const ratio = fastest[0]! / fastest[1]!
    assert.ok(ratio > 0.5 && ratio < 2, `the ratio of times is ${ratio}`)
  })

  it("T38 says no token when it refuses one", () => {
    for (const token of ["short-secret", `${ALICE} with blank`, `${ALICE},x`, `${ALICE}\n`, "x".repeat(4097)]) {
      assert.throws(() => tokens({ alice: { token, stores: ["*"] } }), (error) => {
        assert.ok(error instanceof InvalidOption)
        assert.ok(!JSON.stringify([error.message, error.details]).includes(token))
        return true
      })
    }
  })

  it("refuses grants that cannot be meant", () => {
    const wrong: Readonly<Record<string, TokenGrant | readonly TokenGrant[]>>[] = [
      { alice: { stores: ["*"] } },
      { alice: { token: ALICE, sha256: hex(ALICE), stores: ["*"] } },
      { alice: { sha256: "abc", stores: ["*"] } },
      { alice: { token: ALICE, stores: [""] } },
      { alice: { token: ALICE, stores: "notes" as never } },
      { alice: { token: ALICE, stores: undefined as never } },
      { alice: { token: ALICE, stores: ["*"], namespace: "" } },
      { "": { token: ALICE, stores: ["*"] } },
      { alice: { token: ALICE, stores: ["*"] }, bob: { token: ALICE, stores: ["*"] } },
      { alice: [{ token: ALICE, stores: ["*"] }, { sha256: hex(ALICE), stores: ["*"] }] },
    ]
    for (const grants of wrong) assert.throws(() => tokens(grants), InvalidOption)
    assert.ok(tokens({}) instanceof Function)
  })
})

describe("matchesStore()", () => {
  it("T64 takes a megabyte of anything within 50 ms", () => {
    const started = processorMillis()
    assert.ok(!matchesStore(`${"a*".repeat(500_000)}b`, "a".repeat(1_000_000)))
    assert.ok(!matchesStore(`${"a".repeat(999_999)}b*`, "a".repeat(1_000_000)))
    assert.ok(processorMillis() - started < 250)
  })
})
