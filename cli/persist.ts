#!/usr/bin/env node
/** The program `persist`: runs its arguments and ends with their exit code, even where what it ran left a timer, a socket or a worker behind. */
import process from "node:process"
import { setTimeout } from "node:timers"
import { main } from "./main.ts"

/** How long what was left behind may take to end by itself. */
const LINGER_MILLIS = 1000

process.exitCode = await main(process.argv.slice(2))
setTimeout(() => {
  console.error("persist: what it ran left something open (a timer, a socket, a worker); ended all the same")
  process.exit()
}, LINGER_MILLIS).unref()
