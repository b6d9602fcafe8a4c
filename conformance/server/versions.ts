/** Versions and features: agreed before anything is done, and by both ends. */
import { describe, ensure, equal } from "../expect.ts"
import { requestOf } from "./message.ts"
import type { ServerCase } from "./trial.ts"

const PATH =
  "A path of another version (`/v2/push`) is answered `unsupported_version`, a body that disagrees with its path `version_mismatch`; both before anything is done."
const SELECTS =
  "The server selects the greatest one that it speaks too and names it as `protocol` of its answer; without one it answers `unsupported_version`, whose details have `min` and `max`, the versions it speaks."
const USES =
  "A server uses those that it has and that were named, tells them (each once, without `must-`) in the answer to the handshake, and answers `unsupported_feature`, with `feature` (without `must-`) in its details, to a required one that it does not have, in any request. Other unknown ones are left out in silence."

export const versionCases: readonly ServerCase[] = [
  {
    id: "version/path",
    title: "a path of a version that the server does not speak is told those that it does", // R4
    level: "MUST",
    requires: [],
    rule: PATH,
    why: "A client of a later version learns only from this how to speak to an older server.",
    async run(trial) {
      const body = requestOf("push", trial.store, {}, [trial.writer().write(1).part()])
      for (const path of ["/v0/push", "/v77/push", "/v99/handshake", "/v1000/wait"]) {
        const { error: { details } } = await trial.refused(path, { path, body }, "unsupported_version")
        const { min, max } = Object(details)
        ensure(
          Number.isSafeInteger(min) && Number.isSafeInteger(max) && min <= 1 && max >= 1,
          `${path}: details: found ${describe(details)}`,
        )
      }
      equal(await trial.headPosition(), 0, "position of the last frame")
    },
  },
  {
    id: "version/body",
    title: "a body of another version than its path is told apart, and nothing is done", // R4
    level: "MUST",
    requires: [],
    rule: PATH,
    why: "Read by the rules of another version, a request means something else.",
    async run(trial) {
      for (const route of trial.routes) {
        const store = trial.otherStore("never"), parts = route === "push" ? [trial.writer().write(1).part()] : []
        for (const protocol of [0, 2, 77]) {
          const body = requestOf(route, store, { protocol }, parts)
          await trial.refused(`${route} with protocol ${protocol}`, { route, body }, "version_mismatch")
        }
        await trial.refused("a pull afterwards", { route: "pull", body: requestOf("pull", store) }, "store_not_found")
      }
    },
  },
  {
    id: "version/list",
    title: "a handshake selects a version that both speak, wherever it stands in the list", // R3
    level: "MUST",
    requires: [],
    rule: SELECTS,
    why: "Clients and servers are updated at different times, and have to find a version that both speak.",
    async run(trial) {
      for (const versions of [[1], [77, 1], [1, 77], [0, 1, 77], Array.from({ length: 64 }, (_, at) => at === 63 ? 1 : 1000 + at)]) {
        const { fields } = await trial.answered(`the versions ${versions.join()}`, "handshake", { fields: { versions } })
        equal([fields["type"], fields["protocol"]], ["handshake", 1], `the versions ${versions.join()}: type, protocol`)
      }
      const store = trial.otherStore("never")
      for (const versions of [[77], [0, 77, 1000]]) {
        await trial.refused(`the versions ${versions.join()}`, { body: requestOf("handshake", store, { versions }) }, "unsupported_version")
      }
      await trial.refused("a pull afterwards", { route: "pull", body: requestOf("pull", store) }, "store_not_found")
    },
  },
]

export const featureCases: readonly ServerCase[] = [
  {
    id: "feature/agreed",
    title: "the features in use are those of the server that were named; unknown ones are left out",
    level: "MUST",
    requires: [],
    rule: USES,
    why: "A client that uses what the server does not have loses what it sends.",
    async run(trial) {
      const have = trial.handshake.features
      for (const feature of have) {
        for (const features of [[feature], [`must-${feature}`], ["fly", feature, "x-1"], [feature, `must-${feature}`]]) {
          const { fields } = await trial.answered(`the features ${features.join()}`, "handshake", { fields: { features } })
          equal(fields["features"], [feature], `the features ${features.join()}: features in use`)
        }
      }
      const { fields } = await trial.answered("no features", "handshake", { fields: { features: ["fly"] } })
      equal(fields["features"], [], "features in use of one that nobody has")
    },
  },
  {
    id: "feature/required",
    title: "a feature that the client cannot do without and that is not there is refused by name, in any request", // R6
    level: "MUST",
    requires: [],
    rule: USES,
    why: "A server that goes on without it does something else than the client needs.",
    async run(trial) {
      await trial.storesNothing("a push with a feature that is not there", async () => {
        for (const route of trial.routes) {
          const parts = route === "push" ? [trial.writer().write(1).part()] : []
          const body = requestOf(route, trial.store, { features: ["must-fly"] }, parts)
          const { error: { details } } = await trial.refused(`${route} with must-fly`, { route, body }, "unsupported_feature")
          equal(Object(details).feature, "fly", `${route} with must-fly: feature of the details`)
        }
      })
    },
  },
]
