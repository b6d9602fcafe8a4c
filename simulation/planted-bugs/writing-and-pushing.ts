/** Planted bugs that take out rules of writing and pushing (S1 to S14). */
import type { PlantedBug } from "../planted-bug.ts"

/** In the order of their rules. */
export const WRITING_AND_PUSHING_BUGS: readonly PlantedBug[] = [
  {
    id: "writer-reused",
    rule: "S1",
    says: "an open goes on under the last writer of its log",
    file: "kernel/store/writer.ts",
    find: "    if (this.#seq > 0 && this.#seq + operations <= SEQ_MAX) return\n",
    replace: `    const last = [...views.own].at(-1)
    if (last !== undefined) {
      this.#index = last
      this.#id = views.writers.idOf(last)
      this.#seq = views.vector.pairOf(last).seq
      return
    }
    if (this.#seq > 0 && this.#seq + operations <= SEQ_MAX) return
`,
    history: "two remotes take the two branches of a clone",
  },
  {
    id: "unknown-is-taken",
    rule: "S2",
    says: "an append without an answer is built anew, not looked up",
    file: "kernel/log/log.ts",
    find: "    if (error instanceof PositionTaken) return await this.#buildAgain(error)\n",
    replace:
      "    if (error instanceof Error) return await this.#buildAgain(new PositionTaken({ position: this.#head.position, head: this.#head.position }))\n",
    history: "an append times out but was stored; the write is done again",
  },
  {
    id: "unknown-not-again",
    rule: "S2",
    says: "an append that is not there when the position is read counts as not stored",
    file: "kernel/log/outcome.ts",
    find: "  if (await storage.head() < position) await appendAgain(storage, position, frame)\n",
    replace: '  if (await storage.head() < position) return "taken"\n',
    history: "an append lands after the read-back found nothing",
  },
  {
    id: "push-torn",
    rule: "S3",
    says: "a server stores the first part of a push alone",
    file: "kernel/sync/judge.ts",
    find: "parts: news.map(({ part }) => part), own",
    replace: "parts: news.map(({ part }) => part).slice(0, 1), own",
    seeds: 20,
  },
  {
    id: "context-without-past",
    rule: "S4",
    says: "a context names the versions that it replaces, not what those had seen",
    file: "kernel/model/versions.ts",
    find: "parents.flatMap((parent) => [parent.context, [parent.writer, parent.seq]])",
    replace: "parents.map((parent) => [parent.writer, parent.seq])",
    seeds: 100,
  },
  {
    id: "no-links",
    rule: "S5",
    says: "a writer names nobody that it continues",
    file: "kernel/store/writer.ts",
    find: "    const links: number[] = []\n",
    replace: "    const links: number[] = []\n    if (this.#index >= 0) return links\n",
    history: "a copy that was opened often has one entry",
  },
  {
    id: "loser-dropped",
    rule: "S6",
    says: "the fold keeps the greatest version alone",
    file: "kernel/model/versions.ts",
    find: "  kept.push(version)\n  return kept\n",
    replace: "  kept.push(version)\n  return [greatest(kept, compareWriters)]\n",
    history: "the loser is dropped, then the winner is replaced by a slow clock",
  },
  {
    id: "rewrite-covers-all",
    rule: "S9",
    says: "the operation in place of a refused one covers its siblings too",
    file: "kernel/store/sync-frames.ts",
    find: "const parents = among.filter((one) => one.writer === old.writer && one.seq === old.seq)",
    replace: "const parents = among.filter((one) => one.seq > 0)",
    seeds: 300,
  },
  {
    id: "own-only",
    rule: "S10",
    says: "a device pushes what it wrote itself, and nobody else's",
    file: "kernel/sync/known.ts",
    find: "    return this.#forbidden === undefined || (views.own.has(writer) && !this.#forbidden.has(writer))\n",
    replace: "    return views.own.has(writer) && this.#forbidden?.has(writer) !== true\n",
    history: "the author is gone, the server restored, another device has the write",
  },
  {
    id: "own-first",
    rule: "S11",
    says: "a push brings own writers alone while they have anything, others later",
    file: "kernel/sync/planner.ts",
    find: "      if (!this.#known.takes(writer, this.#views) || to <= this.#reachedOf(writer, blocks)) continue\n",
    replace: `      const isOwnLacking = this.#known.lacking(this.#views).some((one) => this.#views.own.has(one))
      if ((isOwnLacking && !this.#views.own.has(writer)) || to <= this.#reachedOf(writer, blocks)) continue
`,
    history: "an operation reaches the second remote before what it builds on",
  },
  {
    id: "void-by-views",
    rule: "S12",
    says: "an operation that the views do not show any more is void, whatever goes along",
    file: "kernel/sync/planner.ts",
    find: '        if (squash.void.has(writer, seq)) return "void"\n',
    replace: '        if (this.#views.records.liveVersions((w, s) => w === writer && s === seq).length === 0) return "void"\n',
    seeds: 20,
  },
  {
    id: "ranges-equal",
    rule: "S13",
    says: "a puller takes only blocks that begin where it ends",
    file: "kernel/sync/pages.ts",
    find: "    if (from > before) {\n",
    replace: "    if (from !== before) {\n",
    history: "a page brings again what is here, and something new",
  },
  {
    id: "no-basis",
    rule: "S14",
    says: "a server does not look at what a push builds on",
    file: "kernel/sync/push-author.ts",
    find: "    this.#isBasisHeld = await this.#options.containsAll(push!.request.basis)\n",
    replace: "    this.#isBasisHeld = true\n",
    history: "a restored server takes a write whose cause it lost",
  },
  {
    id: "basis-without-last",
    rule: "S14",
    says: "a push names the cursor alone, not the frame of the last ok",
    file: "kernel/sync/planner.ts",
    find: "=> (last === undefined ? [cursor] : [cursor, last])",
    replace: "=> (last === undefined || cursor.position >= 0 ? [cursor] : [cursor, last])",
    history: "a server is restored after a relay's push that no pull has brought back",
  },
  {
    id: "plan-outlives-restart",
    rule: "S14",
    says: "a push that was planned before a restart goes out with the basis of after it",
    file: "kernel/sync/remote-cycle.ts",
    find: "      if (view.generation !== plan.generation) continue",
    replace: "      if (view.generation < 0) continue",
    history: "another process hears that the server was wiped while a push is made ready",
  },
]
