/**
 * Conformance: does an adapter keep the promises of the storage port, a remote or a server those of the sync protocol, a CRDT type its laws? For
 * their authors, with any test framework or none.
 *
 *   import { adapterSuite, formatReport } from "@cuitty/persist/conformance"
 *   import { myAdapter } from "./my-adapter.ts"
 *
 *   const report = await adapterSuite(() => myAdapter()).run()
 *   console.log(formatReport(report))
 *   if (!report.conforms) throw new Error("my adapter does not conform")
 */
export type { Case, CaseFacts, Level } from "./case.ts"
export { atServer } from "./at-server.ts"
export type { ClientCapability } from "./client/contract.ts"
export { type ClientLink, CommandFailed, type StartClient } from "./client/driver.ts"
export { clientCases, clientSuite, type ClientSuiteOptions } from "./client/suite.ts"
export { type ClientCase, type ClientNeed, ClientTrial } from "./client/trial.ts"
export { crdtCases, crdtSuite, type CrdtSuiteOptions, crdtTrial } from "./crdt/suite.ts"
export { type AnyCrdtType, CRDT_SEED, type CrdtCase, CrdtTrial, type RandomEdit, type RandomNumber } from "./crdt/trial.ts"
export { type FolderOptions, inFolder } from "./in-folder.ts"
export { adapterSuite, logStorageCases } from "./log-storage/suite.ts"
export { type LogStorageCase, type LogStorageSubject, LogStorageTrial, type Medium, type Need } from "./log-storage/trial.ts"
export { BlockWriter, type Dot, type PartOptions, type PlayedOperation, RawValue } from "./remote/block-writer.ts"
export { remoteCases, remoteSuite } from "./remote/suite.ts"
export { type Person, type RemoteCase, type RemoteNeed, type RemoteSubject, RemoteTrial } from "./remote/trial.ts"
export { reportsToJunit } from "./junit.ts"
export { bindTo, type TestFunctions } from "./bind.ts"
export { formatReport, formatResult, formatTotals, reportToJson } from "./report.ts"
export { type CaseResult, type Report, runCase, runCases, type RunOptions, selectCases, type Trial } from "./runner.ts"
export type { Suite, SuiteOptions } from "./suite.ts"
export { serverCases, serverSuite } from "./server/suite.ts"
export type { ServerNeed, ServerSubject, ServerTokens } from "./server/subject.ts"
export { type ServerCase, ServerTrial } from "./server/trial.ts"
