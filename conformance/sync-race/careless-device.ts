/** Double: a device process that says it has made its last write, and has not. */
import process from "node:process"
import { runAsDevice } from "./device.ts"
import type { DeviceOrder } from "./messages.ts"
import { write } from "./work.ts"

const { writes }: DeviceOrder = JSON.parse(process.argv[2]!)
await runAsDevice(async (store, random, device, number) => {
  if (number < writes) await write(store, random, device, number)
})
