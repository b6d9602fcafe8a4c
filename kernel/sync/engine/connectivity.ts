/** Connectivity: what a runtime tells of its network, where it does. */

/** Calls `listener` when there is a network again; answers the function that ends it. Without such events it never calls. */
export function onOnline(listener: () => void): () => void {
  // Browsers, their workers and Deno have them, Node has not.
  if (typeof globalThis.addEventListener !== "function" || typeof globalThis.removeEventListener !== "function") return () => {}
  globalThis.addEventListener("online", listener)
  return () => globalThis.removeEventListener("online", listener)
}
