/** Waits for `promise`; rejects with the signal's reason if that comes first. */
export async function abortable<T>(promise: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted()
  if (signal === undefined || !(promise instanceof Promise)) return promise
  return await new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener("abort", abort)
    promise.finally(() => signal.removeEventListener("abort", abort)).then(resolve, reject)
  })
}
