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
  let from: Buffer | undefined;
  do {
    const request = codec.encodePage({ from, revision, limit: PAGE });
    const reply = await caller.call('range', PAGE_MS, (endpoint, options) =>
      endpoint.unary('KV/Range', request, options),
    );
    if (reply.kind !== 'ok') throw new ListingFailed('a page could not be read', { cause: reply.cause });
    const page = codec.decodePage(reply.value);
    for (const entry of page.entries) entries.push(entry);
    from = page.next;
  } while (from);
  return entries;
}
