/**
 * SHA-256 (FIPS 180-4) in pieces. The web's own `crypto.subtle.digest` takes all bytes at once and cannot stream.
 *
 * The constants are derived as the standard says: the first 32 bits of the fractional parts of the square roots (start) and cube roots
 * (rounds) of the first primes. FIPS 180-4, 4.2.2 and 5.3.3.
 */
const PRIMES = ((): number[] => {
  const primes: number[] = []
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return primes
})()
const fraction = (root: number): number => ((root - Math.floor(root)) * 0x1_0000_0000) >>> 0
const START = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)))
const ROUNDS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)) | 0)
const BLOCK_BYTES = 64

const rotate = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits))

export class Sha256 {
  readonly #state = Int32Array.from(START, (word) => word | 0)
  readonly #words = new Int32Array(64)
  readonly #block = new Uint8Array(BLOCK_BYTES)
  #filled = 0
  #bytes = 0

  /** Takes a range of bytes. */
  update(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes += end - start
    while (start < end) {
      const take = Math.min(BLOCK_BYTES - this.#filled, end - start)
      this.#block.set(bytes.subarray(start, start + take), this.#filled)
      this.#filled += take
      start += take
      if (this.#filled === BLOCK_BYTES) this.#compress()
    }
  }

  /** The 32 bytes of the digest; nothing can be added afterwards. */
  digest(): Uint8Array {
    const bits = this.#bytes * 8
    this.#block[this.#filled++] = 0x80
    if (this.#filled > BLOCK_BYTES - 8) {
      this.#block.fill(0, this.#filled)
      this.#compress()
    }
    this.#block.fill(0, this.#filled)
    const view = new DataView(this.#block.buffer)
    view.setUint32(56, Math.floor(bits / 0x1_0000_0000))
    view.setUint32(60, bits >>> 0)
    this.#compress()
    const digest = new DataView(new ArrayBuffer(32))
    this.#state.forEach((word, at) => digest.setInt32(at * 4, word))
    return new Uint8Array(digest.buffer)
  }

  #compress(): void {
    const words = this.#words, block = this.#block, state = this.#state
    for (let i = 0; i < 16; i++) words[i] = (block[i * 4]! << 24) | (block[i * 4 + 1]! << 16) | (block[i * 4 + 2]! << 8) | block[i * 4 + 3]!
    for (let i = 16; i < 64; i++) {
      const early = words[i - 15]!, late = words[i - 2]!
      const s0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3), s1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10)
      words[i] = (words[i - 16]! + s0 + words[i - 7]! + s1) | 0
    }
    let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!
    for (let i = 0; i < 64; i++) {
      const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25), choice = (e & f) ^ (~e & g)
      const one = (h + sum1 + choice + ROUNDS[i]! + words[i]!) | 0
      const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22), majority = (a & b) ^ (a & c) ^ (b & c)
      h = g
      g = f
      f = e
      e = (d + one) | 0
      d = c
      c = b
      b = a
      a = (one + sum0 + majority) | 0
    }
    state[0]! += a
    state[1]! += b
    state[2]! += c
    state[3]! += d
    state[4]! += e
    state[5]! += f
    state[6]! += g
    state[7]! += h
    this.#filled = 0
  }
}
