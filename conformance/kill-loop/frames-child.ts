/**
 * A child that writes through the storage port, below the store: appends frames, flushes, saves snapshots beside its appends, and trims.
 * It reports what it is about to do and what was acknowledged.
 */
import process from "node:process"
import { setImmediate as nextTurn } from "node:timers/promises"
import type { Bytes, LogStorage, Position } from "../../kernel/ports/log-storage.ts"
import { frameAt, sliceAt, sliceBytesAt } from "./frame-calls.ts"
import { Random } from "../processes/random.ts"
import { readOrder, report } from "./reports.ts"
import { openLog, type Subject } from "./subject.ts"

const APPENDS_MAX = 12

async function* slicesAt(seed: number, at: Position): AsyncGenerator<Bytes> {
  for (const index of sliceBytesAt(seed, at).keys()) {
    yield sliceAt(seed, at, index)
    await nextTurn()
  }
}

const write = async (log: LogStorage, { seed }: Subject, through: Position): Promise<void> => {
  let head = await log.head()
  let saving: Promise<void> = Promise.resolve()
  const save = async (at: Position): Promise<void> => {
    report("saving", at)
    await log.snapshots.write(at, slicesAt(seed, at))
    report("saved", at)
  }
  const random = new Random(seed, head, 5)
  while (head < through) {
    for (let appends = Math.min(random.spread(APPENDS_MAX), through - head); appends > 0; appends--) {
      const frame = frameAt(seed, head + 1) // made before it is called: the kill is to hit the write
      report("called", ++head)
      await log.append(head, frame)
      report("stored", head)
      if (random.oneIn(3)) await nextTurn()
    }
    const act = random.below(4)
    if (act === 0) {
      report("flushing")
      await log.flush()
    } else if (act === 1) {
      await saving
      saving = save(head)
      if (random.oneIn(2)) await saving
    } else if (act === 2) {
      report("trimming", head)
      report("trimmed", await log.trim(head))
    }
  }
  await saving
}

if (import.meta.main) {
  const subject: Subject = JSON.parse(process.argv[2]!)
  report("ready", process.pid)
  const order = await readOrder()
  if (order !== undefined) {
    report("opening")
    const log = await openLog(subject)
    report("opened", await log.head(), log.opened.recovery?.position ?? 0)
    await write(log, subject, order.first + order.calls - 1)
    report("closing")
    await log.close()
    report("closed")
  }
}
