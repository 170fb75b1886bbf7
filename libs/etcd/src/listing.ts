import type { Entry } from '#election';
import type { Caller } from './caller.js';
import type { Codec } from './codec.js';

/** Entries per page: a page stays at a few megabytes. */
const PAGE = 10_000;
const PAGE_MS = 5_000;

/** Thrown when a listing could not be completed; the caller starts again from a newer revision. */
export class ListingFailed extends Error {}

/**
 * Lists everything below the deployment's prefix as it was at `revision`. The revision is pinned, so a lagging
 * or restored member can only fail to answer, never answer something else; local reads are good enough.
 */
export async function listAt(caller: Caller, codec: Codec, revision: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  const whole = codec.range('');
  let from = whole.key;
  for (;;) {
    const request = { key: from, range_end: whole.range_end, revision, limit: PAGE, serializable: true };
    const reply = await caller.call('range', PAGE_MS, (etcd, options) => etcd.kv.range(request, options));
    if (reply.kind !== 'ok') throw new ListingFailed('a page could not be read', { cause: reply.cause });
    const { kvs, more } = reply.value;
    for (const kv of kvs) entries.push(codec.entry(kv));
    const last = kvs.at(-1);
    if (!more || !last) return entries;
    from = Buffer.concat([last.key, Buffer.from([0])]);
  }
}
