/** The exchange of one device process with one host, over the network of the run. */
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type { CallOptions } from "../kernel/ports/remote.ts"
import type { CallRoute, Exchange } from "../protocol/client/exchange.ts"
import type { Host, Network, Sender } from "./network.ts"

/** Carries calls; hints are left out, since nothing may depend on them. */
export const simulatedExchange = (network: Network, sender: Sender, host: Host): Exchange => ({
  name: host.name,
  features: [],
  accept: [],
  agree() {},
  call: (route: CallRoute, body: Bytes, options: CallOptions) => network.call(sender, host, route, body, options),
  watch: () => Promise.resolve(),
  close: () => Promise.resolve(),
})
