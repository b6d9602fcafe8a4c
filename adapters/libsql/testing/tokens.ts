/** Tokens as a server of libSQL takes them: JSON Web Tokens, signed with Ed25519. */
import { Buffer } from "node:buffer"
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto"

const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url")
const encodeJson = (value: unknown): string => encode(new TextEncoder().encode(JSON.stringify(value)))

export class Issuer {
  readonly publicKey: string
  readonly #privateKey: KeyObject

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519")
    this.publicKey = publicKey.export({ type: "spki", format: "pem" }).toString()
    this.#privateKey = privateKey
  }

  /** A token for reading and writing, or for reading alone, which is good for so many seconds; or has not been, if they are negative. */
  token(access: "rw" | "ro", seconds: number): string {
    const text = `${encodeJson({ alg: "EdDSA", typ: "JWT" })}.${encodeJson({ a: access, exp: Math.floor(Date.now() / 1000) + seconds })}`
    return `${text}.${encode(sign(null, new TextEncoder().encode(text), this.#privateKey))}`
  }
}
