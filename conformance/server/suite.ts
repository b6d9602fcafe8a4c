/** The suite for servers: all cases about `protocol/SPEC.md` that an URL and tokens can show. */
import { remoteCases } from "../remote/suite.ts"
import { makeSuite, type Suite, type SuiteOptions } from "../suite.ts"
import { blockCases } from "./blocks.ts"
import { bodyCases } from "./bodies.ts"
import { connectionCases } from "./connections.ts"
import { encodingCases } from "./encodings.ts"
import { errorCases } from "./failures.ts"
import { fieldCases } from "./fields.ts"
import { headerCases, routeCases } from "./headers.ts"
import { messageCases } from "./messages.ts"
import { mutationCases } from "./mutations.ts"
import { nameCases } from "./names.ts"
import { rightCases } from "./rights.ts"
import { sizeCases } from "./sizes.ts"
import { streamCases, waitCases } from "./streams.ts"
import { tokenCases } from "./tokens.ts"
import { troubleCases } from "./troubles.ts"
import type { ServerSubject } from "./subject.ts"
import { type ServerCase, ServerTrial } from "./trial.ts"
import { featureCases, versionCases } from "./versions.ts"

/** Cases about bytes and headers, which no remote shows. */
export const wireCases: readonly ServerCase[] = [
  ...messageCases,
  ...mutationCases,
  ...fieldCases,
  ...errorCases,
  ...headerCases,
  ...routeCases,
  ...versionCases,
  ...featureCases,
  ...encodingCases,
  ...bodyCases,
  ...sizeCases,
  ...tokenCases,
  ...rightCases,
  ...nameCases,
  ...connectionCases,
  ...streamCases,
  ...waitCases,
  ...blockCases,
  ...troubleCases,
]

/** Of remotes alone: what their `close` does. */
const CLOSE = /^close\//

/** Every case for servers, in the order in which they are run: those about the wire, then those for remotes, over a remote of this package. */
export const serverCases: readonly ServerCase[] = [
  ...wireCases,
  ...remoteCases.filter(({ id }) => !CLOSE.test(id)).map((one): ServerCase => ({
    ...one,
    run: async (trial) => await one.run(await trial.asRemote()),
  })),
]

/**
 * The suite for a server that runs already. Each case makes some stores under names that begin with "conformance-", which stay there; reports name the
 * URL.
 */
export const serverSuite = (subject: ServerSubject, options: SuiteOptions = {}): Suite =>
  makeSuite(() => options.name ?? subject.url, serverCases, () => ServerTrial.begin(subject, options.patienceMillis))
