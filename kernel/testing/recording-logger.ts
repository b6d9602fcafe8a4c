import type { Logger } from "../ports/logger.ts"

/** Keeps what a store told. */
export class RecordingLogger implements Logger {
  readonly entries: { readonly level: "warn" | "error"; readonly message: string; readonly details: object | undefined }[] = []

  warn(message: string, details?: object): void {
    this.entries.push({ level: "warn", message, details })
  }

  error(message: string, details?: object): void {
    this.entries.push({ level: "error", message, details })
  }

  /** Everything as one text, to search for what must not be in it. */
  get text(): string {
    return JSON.stringify(this.entries)
  }
}
