/** The device process of a sync race. */
import { runAsDevice } from "./device.ts"
import { write } from "./work.ts"

await runAsDevice(write)
