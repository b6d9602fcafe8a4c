/** A place of plain files with faults, as this process and others open it. */
import type { Adapter } from "../../../kernel/ports/log-storage.ts"
import { inFolder } from "../../in-folder.ts"
import type { LogStorageSubject } from "../../log-storage/trial.ts"
import type { FaultyPlace, FileFault } from "./file-fault.ts"
import { filesAdapter } from "./files-adapter.ts"

/** For other processes: `place` is a {@link FaultyPlace}, as JSON. */
export const openAdapter = (place: string): Adapter => {
  const { folder, faults } = JSON.parse(place) as FaultyPlace
  return filesAdapter(folder, new Set(faults))
}

/** A subject over a folder of its own, with these faults. */
export const filesSubject = async (...faults: readonly FileFault[]): Promise<LogStorageSubject> => {
  const subject = await inFolder((path) => filesAdapter(`${path}/stores`, new Set(faults)), {
    checked: true,
    isLock: (path) => path.endsWith("lock"),
    module: import.meta.url,
  })()
  const folder = subject.processes!.folder!
  return {
    ...subject,
    processes: { module: import.meta.url, place: JSON.stringify({ folder: `${folder}/stores`, faults } satisfies FaultyPlace), folder },
  }
}
