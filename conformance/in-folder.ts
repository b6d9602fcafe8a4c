/** Subjects for adapters that keep stores in files: a temporary folder for each case. */
import type { Adapter, Bytes } from "../kernel/ports/log-storage.ts"
import type { LogStorageSubject, Medium } from "./log-storage/trial.ts"

/** What is particular to the files of an adapter. */
export interface FolderOptions {
  /** Files that hold no data (locks): left out of what a crash is taken to leave, since the process that holds them lives on. */
  readonly isLock?: ((path: string) => boolean) | undefined
  /** Whether the adapter itself notices every changed byte of a frame. Default false. */
  readonly checked?: boolean | undefined
  /**
   * URL of a module that exports `openAdapter(path)`, which answers an adapter over the folder as `adapterAt` does: for the cases about processes
   * and faults, which are skipped without it. In the module itself `import.meta.url`.
   */
  readonly module?: string | undefined
}

/**
 * Gives each case a folder of its own, removed afterwards, with its files as the medium. `adapterAt` makes an adapter over the folder, and
 * is called again where a case looks at it as a fresh process would. For runtimes that know `node:fs`.
 */
export const inFolder =
  (adapterAt: (path: string) => Adapter, options: FolderOptions = {}): () => Promise<LogStorageSubject> => async () => {
    // Imported here, so that suites without files run in browsers.
    const fs = await import("node:fs")
    const { tmpdir } = await import("node:os")
    const { join } = await import("node:path")
    const root = fs.mkdtempSync(join(tmpdir(), "persist-conformance-"))

    const medium: Medium = {
      checked: options.checked,
      save() {
        const image = new Map<string, Bytes>()
        for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
          const path = join(entry.parentPath, entry.name).slice(root.length + 1)
          if (entry.isFile() && options.isLock?.(path) !== true) image.set(path, new Uint8Array(fs.readFileSync(join(root, path))))
        }
        return image
      },
      restore(image) {
        for (const name of fs.readdirSync(root)) fs.rmSync(join(root, name), { recursive: true })
        for (const [path, bytes] of image) {
          fs.mkdirSync(join(root, path, ".."), { recursive: true })
          fs.writeFileSync(join(root, path), bytes)
        }
      },
    }
    return {
      adapter: adapterAt(root),
      reopen: () => adapterAt(root),
      dispose: () => fs.rmSync(root, { recursive: true, force: true, maxRetries: 3 }),
      medium,
      ...(options.module === undefined ? {} : { processes: { module: options.module, place: root, folder: root } }),
    }
  }
