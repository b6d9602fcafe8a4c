/** How two ends agree on a version and on features. `SPEC.md`, section 3. */
import { wireError } from "./errors.ts"
import { PROTOCOL_VERSIONS, REQUIRED_PREFIX } from "./version.ts"

/** The greatest version that both ends speak. Throws `unsupported_version`, with the versions of this end in its details. */
export function agreeVersion(offered: readonly number[]): number {
  const common = PROTOCOL_VERSIONS.filter((version) => offered.includes(version))
  if (common.length > 0) return Math.max(...common)
  const min = Math.min(...PROTOCOL_VERSIONS), max = Math.max(...PROTOCOL_VERSIONS)
  throw wireError("unsupported_version", `this server speaks the versions ${min} to ${max}`, { details: { min, max } })
}

/**
 * The features of `asked` that are in use from now on: those of `here`, without the prefix `must-`, each once.
 *
 * Throws `unsupported_feature` for one with that prefix which is not of `here`; others that are not are left out.
 */
export function agreeFeatures(asked: readonly string[], here: readonly string[]): readonly string[] {
  const used = new Set<string>()
  for (const name of asked) {
    const isRequired = name.startsWith(REQUIRED_PREFIX)
    const feature = isRequired ? name.slice(REQUIRED_PREFIX.length) : name
    if (here.includes(feature)) used.add(feature)
    else if (isRequired) {
      throw wireError("unsupported_feature", `this server does not have the feature ${feature}`, { details: { feature } })
    }
  }
  return [...used]
}
