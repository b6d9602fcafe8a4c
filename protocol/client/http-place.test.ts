/** Places that are called, and those that never are. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../../kernel/errors.ts"
import { httpPlaceOf, type HttpPlaceOptions } from "./http-place.ts"

/** What the error says about a URL that is refused. */
const refusal = (url: string, options?: HttpPlaceOptions): string => {
  try {
    httpPlaceOf(url, options)
  } catch (error) {
    assert.ok(error instanceof InvalidOption, String(error))
    return error.message
  }
  return assert.fail(`${url} is taken`)
}

const SECRETS = /user|s3cret|pw/

describe("httpPlaceOf()", () => {
  it("keeps scheme, host, port and path, without slashes at the end", () => {
    assert.deepEqual(httpPlaceOf("https://Sync.Example.com"), { url: "https://sync.example.com", isLoopback: false })
    assert.deepEqual(httpPlaceOf("https://sync.example.com:443/"), { url: "https://sync.example.com", isLoopback: false })
    assert.deepEqual(httpPlaceOf("https://sync.example.com:8443/a/b//"), { url: "https://sync.example.com:8443/a/b", isLoopback: false })
    assert.deepEqual(httpPlaceOf("https://sync.example.com/a%20b/ü"), { url: "https://sync.example.com/a%20b/%C3%BC", isLoopback: false })
  })

  it("refuses what is no URL of the web, and shows nothing of it", () => {
    for (
      const url of [
        "",
        "sync.example.com",
        "//x",
        "https://",
        "ftp://s3cret@x/",
        "file:///s3cret",
        "javascript:s3cret",
        "http:s3cret:x@y:z:",
      ]
    ) {
      assert.doesNotMatch(refusal(url), /s3cret/)
    }
    assert.match(refusal(undefined as unknown as string), /no URL/)
  })

  it("refuses URLs of more than 1,024 bytes: they name the remote in the log", () => {
    const url = (length: number) => "https://sync.example.com/".padEnd(length, "x")
    assert.equal(httpPlaceOf(url(1024)).url.length, 1024)
    assert.match(refusal(url(1025)), /1025 bytes/)
  })

  it("T53 takes plain http to this machine, however it is written, and to no other", () => {
    const here = [
      "localhost",
      "127.0.0.1",
      "127.1",
      "127.255.255.254",
      "2130706433",
      "0x7f.1",
      "017700000001",
      "[::1]",
      "[::ffff:127.0.0.1]",
    ]
    for (const host of here) assert.equal(httpPlaceOf(`http://${host}:8080/x`).isLoopback, true, host)
    const elsewhere = [
      "sync.example.com",
      "localhost.example.com",
      "127.0.0.1.example.com",
      "localhost.",
      "x.localhost",
      "10.0.0.1",
      "[fd00::1]",
    ]
    for (const host of elsewhere) {
      assert.match(refusal(`http://${host}/`), /https, since plain http shows the token and the data .* allowInsecure/)
      assert.equal(httpPlaceOf(`https://${host}/`).isLoopback, false)
      assert.equal(httpPlaceOf(`http://${host}/`, { allowInsecure: true }).isLoopback, false)
    }
  })

  it("T75 refuses credentials, queries and fragments without showing them", () => {
    for (
      const url of [
        "https://user:pw@sync.example.com/notes",
        "https://user@sync.example.com/notes",
        "https://:pw@sync.example.com/notes",
        "https://sync.example.com/notes?token=s3cret",
        "https://sync.example.com/notes#s3cret",
        "http://user:pw@localhost/notes",
      ]
    ) {
      const message = refusal(url)
      assert.match(message, /\/notes with (credentials|a query)/)
      assert.doesNotMatch(message, SECRETS)
    }
    assert.match(refusal("https://user:pw@sync.example.com/notes"), /option token/)
  })

  it("T72 refuses the addresses of metadata services and of nowhere, however they are written", () => {
    const never = ["169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.0.1", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"]
    for (const host of [...never, "[64:ff9b::169.254.169.254]", "[2002:a9fe:a9fe::1]", "0.0.0.0", "0", "[::]", "[::ffff:0.0.0.0]"]) {
      assert.match(refusal(`https://${host}/latest`), /allowHosts/, host)
      assert.match(refusal(`http://${host}/latest`, { allowInsecure: true }), /allowHosts/, host)
    }
    assert.equal(httpPlaceOf("https://169.254.7.7/", { allowHosts: ["169.254.7.7"] }).url, "https://169.254.7.7")
  })

  it('T72 calls with allowHosts "public" only what is on the internet', () => {
    const outside = [
      "sync.example.com",
      "8.8.8.8",
      "[2606:4700::1111]",
      "172.15.0.1",
      "172.32.0.1",
      "100.63.255.255",
      "100.128.0.1",
      "192.0.1.1",
    ]
    for (const host of outside) assert.equal(httpPlaceOf(`https://${host}/`, { allowHosts: "public" }).url, `https://${host}`)
    const inside = [
      "localhost",
      "localhost.",
      "127.0.0.1",
      "[::1]",
      "10.1.2.3",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.1",
      "100.64.0.1",
    ]
    const odd = [
      "192.0.0.192",
      "192.0.2.1",
      "198.18.0.1",
      "198.51.100.1",
      "203.0.113.1",
      "224.0.0.1",
      "255.255.255.255",
      "240.0.0.1",
      "intranet",
    ]
    const names = ["printer.local", "x.localhost", "metadata.google.internal", "metadata.google.internal."]
    const v6 = [
      "[fc00::1]",
      "[fdff::1]",
      "[ff02::1]",
      "[2001:db8::1]",
      "[2001:10::1]",
      "[::7f00:1]",
      "[64:ff9b::10.0.0.1]",
      "[2002:a00:1::]",
      "[100::1]",
    ]
    for (const host of [...inside, ...odd, ...names, ...v6]) {
      assert.match(refusal(`https://${host}/`, { allowHosts: "public" }), /a host on the internet/, host)
      assert.match(refusal(`http://${host}/`, { allowHosts: "public", allowInsecure: true }), /a host on the internet/, host)
    }
  })

  it("T72 calls with a list in allowHosts nobody else, this machine neither", () => {
    const allowHosts = ["sync.example.com", "Other.example.com:8443", "*.example.org", "[2001:db8::5]"]
    const allowed = ["sync.example.com", "sync.example.com.", "other.example.com:8443", "a.example.org", "a.b.example.org", "[2001:db8::5]"]
    for (const host of allowed) httpPlaceOf(`https://${host}/`, { allowHosts })
    const others = [
      "example.com",
      "sync.example.com:8443",
      "other.example.com",
      "example.org",
      ".example.org",
      "badexample.org",
      "localhost",
    ]
    for (const host of [...others, "sync.example.com.evil.org", "sync.example.com@evil.org"]) {
      assert.throws(() => httpPlaceOf(`https://${host}/`, { allowHosts }), InvalidOption, host)
    }
    assert.match(refusal("http://sync.example.com/", { allowHosts }), /allowInsecure/)
    assert.match(refusal("https://localhost/", { allowHosts: [] }), /one of the hosts/)
  })

  it("T72 leaves a name that leads to a private address to https: over http it is not called, so no such service can answer for it", () => {
    // A resolver may turn any name to 169.254.169.254 after it was looked at; what is there has no certificate for the name.
    assert.match(refusal("http://rebound.example.com/latest/meta-data"), /https/)
  })
})
