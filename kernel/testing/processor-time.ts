/** Time of the processor: what a bound on work is measured in, since other processes cost wall-clock time. */
import process from "node:process"

/** Milliseconds that this process has computed so far. */
export const processorMillis = (): number => process.cpuUsage().user / 1000
