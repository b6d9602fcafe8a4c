/**
 * Means: what this machine offers to cases about processes and faults, asked once. Nothing here is imported where there is none of it: suites run in
 * browsers too.
 */
type ChildProcesses = typeof import("node:child_process")
type Files = typeof import("node:fs")

interface ProcessLike {
  readonly platform?: string
  readonly execPath?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly getBuiltinModule?: (name: string) => unknown
  readonly getuid?: () => number
}

const here = (): ProcessLike | undefined => (globalThis as { readonly process?: ProcessLike }).process
const builtin = (name: string): unknown => here()?.getBuiltinModule?.(name)

/** What calls to the operating system a tracer is asked about: enough to find out whether it works here. */
const PROBE = ["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:error=EIO:when=99", "true"]

const answers = new Map<string, string | undefined>()
const once = (name: string, ask: () => string | undefined): string | undefined => {
  if (!answers.has(name)) answers.set(name, ask())
  return answers.get(name)
}

const runs = (command: string, args: readonly string[]): boolean =>
  (builtin("node:child_process") as ChildProcesses).spawnSync(command, args, { stdio: "ignore" }).status === 0

/** Why no other process can be started here; undefined if one can. */
export const lacksProcesses = (): string | undefined =>
  builtin("node:child_process") === undefined ? "this runtime starts no processes" : undefined

/** Why calls to the operating system cannot be made to fail here; undefined if they can. */
export const lacksFaults = (): string | undefined =>
  lacksProcesses() ?? once("faults", () => {
    if (here()?.platform !== "linux") return "faults are put on system calls by strace, which is of Linux"
    return runs("strace", PROBE) ? undefined : "strace is not installed, or may not trace here"
  })

/** Why no limits can be set for a process here; undefined if they can. */
export const lacksLimits = (): string | undefined =>
  lacksProcesses() ?? once("limits", () => runs("sh", ["-c", "ulimit -f 100 && ulimit -n 100"]) ? undefined : "no shell sets limits here")

/** A user who owns nothing. */
export const NOBODY = 65_534

/** Who a process is to be so that permissions hold for it: undefined for the user of this one. */
export const strangerHere = (): number | undefined => here()?.getuid?.() === 0 ? NOBODY : undefined

/** Why no process here is subject to permissions, or cannot be with the module at this URL; undefined if one is. */
export const lacksPermissions = (module: string): string | undefined =>
  lacksProcesses() ?? once(`permissions ${module}`, () => {
    if (here()?.platform === "win32") return "Windows has no modes"
    const user = strangerHere()
    if (user === undefined) return undefined
    const paths = [module, import.meta.url].filter((url) => url.startsWith("file:")).map((url) => decodeURIComponent(new URL(url).pathname))
    const command = `test -x "$0" && for path; do test -r "$path" || exit 1; done`
    const { status } = (builtin("node:child_process") as ChildProcesses).spawnSync(
      "sh",
      ["-c", command, here()?.execPath ?? "", ...paths],
      {
        stdio: "ignore",
        uid: user,
        gid: user,
      },
    )
    return status === 0 ? undefined : "no user but root may run this program here"
  })

/** Why no small volume can be mounted here; undefined if one can. */
export const lacksVolumes = (): string | undefined =>
  lacksProcesses() ?? once("volumes", () => {
    if (here()?.platform !== "linux" || here()?.getuid?.() !== 0) return "mounting a small volume needs Linux and root"
    const fs = builtin("node:fs") as Files
    const path = fs.mkdtempSync(`${here()?.env?.["TMPDIR"] ?? "/tmp"}/persist-mount-`)
    try {
      if (!runs("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path])) return "this system lets nobody mount a small volume"
      return runs("umount", ["-l", path]) ? undefined : "this system lets nobody unmount a small volume"
    } finally {
      fs.rmdirSync(path)
    }
  })
