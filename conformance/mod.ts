/**
 * Conformance: does an adapter keep the promises of the storage port, a remote or a server those of the sync protocol, a CRDT type its laws? For
 * their authors, with any test framework or none.
 *
 *   import { formatReport, runSuite } from "@cuitty/persist/conformance"
 *   import { myAdapter } from "./my-adapter.ts"
 *
 *   const report = await runSuite({ make: () => ({ adapter: myAdapter() }) })
 *   console.log(formatReport(report))
 *   if (!report.conforms) throw new Error("my adapter does not conform")
 */
export type { Case, Level } from "./case.ts"
export { atServer } from "./at-server.ts"
export { crdtCases, crdtSuite, type CrdtSuiteOptions, crdtTrial } from "./crdt/suite.ts"
export { type AnyCrdtType, CRDT_SEED, type CrdtCase, CrdtTrial, type RandomEdit, type RandomNumber } from "./crdt/trial.ts"
export { type FolderOptions, inFolder } from "./in-folder.ts"
export { logStorageCases, runSuite, type SuiteOptions } from "./log-storage/suite.ts"
export { type LogStorageCase, type LogStorageSubject, LogStorageTrial, type Medium, type Need } from "./log-storage/trial.ts"
export { BlockWriter, type Dot, type PartOptions, type PlayedOperation, RawValue } from "./remote/block-writer.ts"
export { remoteCases, type RemoteSuiteOptions, runRemoteSuite } from "./remote/suite.ts"
export { type Person, type RemoteCase, type RemoteNeed, type RemoteSubject, RemoteTrial } from "./remote/trial.ts"
export { formatReport, formatResult, formatTotals, reportToJson } from "./report.ts"
export { type CaseResult, type Report, runCase, runCases, type RunOptions, selectCases, type Trial } from "./runner.ts"
export { serverCases, serverSuite, type ServerSuiteOptions } from "./server/suite.ts"
export type { ServerNeed, ServerSubject, ServerTokens } from "./server/subject.ts"
export { type ServerCase, ServerTrial } from "./server/trial.ts"
