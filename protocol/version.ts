/** Version and features of the protocol that this release speaks. How two ends agree: `negotiation.ts`. `SPEC.md`, section 3. */

/** The version that this release speaks; it stands in every path and in every request. */
export const PROTOCOL_VERSION = 1
/** Every version that this release takes, ascending. The least one is never raised within a major release of the package. */
export const PROTOCOL_VERSIONS: readonly number[] = [PROTOCOL_VERSION]

/** Features that this release knows: gzip on requests, and hints by `watch` and `wait`. */
export const FEATURES: readonly ("gzip" | "live")[] = ["gzip", "live"]
/** Stands before the name of a feature without which the asking end cannot go on. */
export const REQUIRED_PREFIX = "must-"
