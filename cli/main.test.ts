import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { main } from "./main.ts"

/** What a call prints. */
const call = async (
  mock: { method: typeof import("node:test").mock.method },
  ...args: Parameters<typeof main>
): Promise<{ readonly code: number; readonly out: string; readonly error: string }> => {
  const [log, error] = [mock.method(console, "log", () => {}), mock.method(console, "error", () => {})]
  const textOf = ({ mock: { calls } }: typeof log): string => calls.map((one) => one.arguments.join(" ")).join("\n")
  try {
    return { code: await main(...args), out: textOf(log), error: textOf(error) }
  } finally {
    log.mock.restore()
    error.mock.restore()
  }
}

const echo = {
  name: "echo",
  summary: "say it again",
  help: "usage: persist echo [word]...",
  run: (args: readonly string[]) => Promise.resolve(args.length),
}

describe("main()", () => {
  it("runs the command with what stands behind it, and answers its exit code", async ({ mock }) => {
    assert.deepEqual(await call(mock, ["echo", "a", "--b"], [echo]), { code: 2, out: "", error: "" })
  })

  it("prints the commands, or the help of one, without running anything", async ({ mock }) => {
    const all = await call(mock, ["--help"], [echo])
    assert.equal(all.code, 0)
    assert.match(all.out, /^ {2}echo {2}say it again$/m)
    assert.deepEqual(await call(mock, ["-h"], [echo]), all)
    for (const args of [["echo", "--help"], ["echo", "a", "-h"]]) {
      assert.deepEqual(await call(mock, args, [echo]), { code: 0, out: echo.help, error: "" })
    }
  })

  it("says what there is when there is no such command, and when none is given", async ({ mock }) => {
    const wrongs = [[["ecko"], /^persist has no command "ecko"\n/], [["--loud"], /^persist has no option "--loud"\n/], [
      [],
      /^usage/,
    ]] as const
    for (const [args, message] of wrongs) {
      const { code, out, error } = await call(mock, args, [echo])
      assert.deepEqual([code, out], [2, ""])
      assert.match(error, message)
      assert.match(error, /^ {2}echo {2}say it again$/m)
    }
  })

  it("prints the version of the package", async ({ mock }) => {
    const { code, out } = await call(mock, ["--version"])
    assert.equal(code, 0)
    assert.match(out, /^\d+\.\d+\.\d+$/)
  })
})
