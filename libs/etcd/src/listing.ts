import { type Entry, keys } from '#election';
import type { Caller } from './caller.js';
import type { Codec, Page, PageRequest } from './codec.js';
import type { UnaryChannel } from './unary-channel.js';

/** Entries per page: a page stays at a few megabytes. */
const PAGE = 10_000;
const PAGE_MS = 5_000;

/** Thrown when a listing could not be completed; the caller starts again from a newer revision. */
export class ListingFailed extends Error {}

/**
 * Lists everything below the deployment's prefix as it was at `revision`, but for the outbox: nobody decides on it,
 * and after an hour without Postgres it is larger than all the rest. The revision is pinned, so a lagging or restored
 * member can only fail to answer, never answer something else; local reads are good enough.
 * @throws ListingFailed
 */
export async function listAt(caller: Caller<UnaryChannel>, codec: Codec, revision: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let range of [
    codec.rangeBetween(undefined, keys.outbox),
    codec.rangeBetween(keys.outbox, undefined),
  ]) {
    for (let key: Buffer | undefined = range.key; key;) {
      range = { ...range, key };
      const page = await pageAt(caller, codec, { range, revision, limit: PAGE });
      for (const entry of page.entries) entries.push(entry);
      key = page.next;
    }
  }
  return entries;
}

/** One page at a pinned revision. @throws ListingFailed, also when the revision was compacted away */
export async function pageAt(
  caller: Caller<UnaryChannel>,
  codec: Codec,
  request: PageRequest,
): Promise<Page> {
  const message = codec.encodePage(request);
  const reply = await caller.call('range', PAGE_MS, (endpoint, withinMs) =>
    endpoint.call('KV/Range', message, withinMs),
  );
  if (reply.kind !== 'ok') throw new ListingFailed('a page could not be read', { cause: reply.cause });
  return codec.decodePage(reply.value);
}
