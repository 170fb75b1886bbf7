import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fenceOf, type RelayedEvent } from '#election';
import {
  type Evidence,
  HISTORY_ENTITIES,
  HistoryGap,
  HistoryReader,
  HistoryWriter,
  RelaySuperseded,
  takeRelayFence,
} from '#history';
import type { Database } from '#postgres';
import { connectedDatabase, type FreshDatabase, freshDatabase } from '../postgres/fresh-database.js';

let fresh: FreshDatabase;
let database: Database;
let reader: HistoryReader;
let made = 0;
/** An election of its own for each test. */
let electionId: string;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = await connectedDatabase(fresh.url, HISTORY_ENTITIES);
  reader = new HistoryReader(database);
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});
beforeEach(() => {
  made += 1;
  electionId = `elc_${made}`;
});

const NOTHING_LEFT: Evidence = { holds: async () => false, term: () => undefined };

const append = (events: readonly RelayedEvent[], evidence = NOTHING_LEFT): Promise<RelayedEvent[]> =>
  database.transaction((rows) => new HistoryWriter(evidence).append(rows, events));

/** Terms of one candidate after the other, each acquired, lost and vacant, a second apart. */
function terms(count: number, { tenantId = 'ten_a', epoch = 0 } = {}): RelayedEvent[] {
  const types = ['leadership.acquired', 'leadership.lost', 'election.vacant'] as const;
  return Array.from({ length: count * 3 }, (_, index) => {
    const type = types[index % 3] ?? 'election.vacant';
    const term = Math.floor(index / 3) + 1;
    const who = { name: `c${term}`, candidateId: `cnd_${term}`, metadata: { zone: 'a' } };
    const acquired = type === 'leadership.acquired';
    return {
      id: `evt_${electionId}_${index + 1}`,
      type,
      tenantId,
      electionId,
      election: 'billing',
      seat: 0,
      epoch,
      sequence: index + 1,
      revision: 10 * (index + 1),
      term,
      fence: fenceOf(epoch, term),
      leader: acquired ? who : null,
      previousLeader: acquired ? null : who,
      ...(!acquired && { reason: 'resigned' as const }),
      by: { type: 'participant' as const, id: who.candidateId, name: who.name },
      occurredAt: new Date(Date.UTC(2026, 0, 1) + (index - (index % 3 === 2 ? 1 : 0)) * 1_000).toISOString(),
    };
  });
}

const sequences = async (): Promise<number[]> =>
  (
    await fresh.ask<{ sequence: string }>(
      'SELECT sequence FROM leadership_events WHERE election_id = $1 ORDER BY sequence',
      [electionId],
    )
  ).map(({ sequence }) => Number(sequence));

describe('the history', () => {
  it('takes every event once: the same batch again, or an older one, changes nothing', async () => {
    const events = terms(3);
    expect(await append(events.slice(0, 5))).toHaveLength(5);
    expect(await append(events.slice(0, 5))).toEqual([]);
    expect(await append(events.slice(2, 9))).toEqual(events.slice(5));
    expect(await append(events)).toEqual([]);
    expect(await sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const { data } = await reader.terms({ tenantId: 'ten_a', electionId }, { limit: 9, order: 'oldest' });
    expect(data.map(({ term, vacancyMs, reconstructed }) => [term, vacancyMs, reconstructed])).toEqual([
      [1, null, false],
      [2, 2_000, false],
      [3, 2_000, false],
    ]);
  });

  it('gives back the events that it was given, after any place', async () => {
    const events = terms(2);
    await append(events);
    const ref = { tenantId: 'ten_a', electionId };
    expect(await reader.after(ref, { epoch: 0, sequence: 0 }, 100)).toEqual(events);
    expect(await reader.after(ref, { epoch: 0, sequence: 4 }, 1)).toEqual([events[4]]);
    expect(await reader.after(ref, { epoch: 1, sequence: 0 }, 100)).toEqual([]);
  });

  it('refuses an event whose predecessor is still to come, and keeps nothing of the batch', async () => {
    const events = terms(2);
    await append(events.slice(0, 2));
    const asked: unknown[] = [];
    const waiting: Evidence = {
      ...NOTHING_LEFT,
      holds: async (_ref, place) => asked.push(place) > 0,
    };
    await expect(append(events.slice(3), waiting)).rejects.toBeInstanceOf(HistoryGap);
    expect(asked).toEqual([{ epoch: 0, sequence: 3 }]);
    expect(await sequences()).toEqual([1, 2]);
  });

  it('marks a hole that nothing can fill any more, and reconstructs the terms in it', async () => {
    const events = terms(4);
    await append(events.slice(0, 1));
    // Lost: the end of term 1, all of term 2, the start of term 3.
    await append(events.slice(7));
    const rows = await fresh.ask(
      'SELECT sequence::int, missing_before::int FROM leadership_events WHERE election_id = $1 AND missing_before > 0',
      [electionId],
    );
    expect(rows).toEqual([{ sequence: 8, missing_before: 6 }]);
    const { data } = await reader.terms({ tenantId: 'ten_a', electionId }, { limit: 9, order: 'oldest' });
    expect(data).toMatchObject([
      { term: 1, leader: { name: 'c1' }, endedAt: null, reconstructed: true },
      { term: 2, leader: null, startedAt: null, endedAt: null, reconstructed: true },
      { term: 3, leader: { name: 'c3' }, startedAt: null, reason: 'resigned', reconstructed: true },
      { term: 4, leader: { name: 'c4' }, reason: 'resigned', reconstructed: false },
    ]);
  });

  it('pages through terms either way without repeating or leaving out any', async () => {
    await append(terms(5));
    for (const order of ['newest', 'oldest'] as const) {
      const seen: number[] = [];
      let after: string | undefined;
      do {
        const page = await reader.terms(
          { tenantId: 'ten_a', electionId },
          { limit: 2, order, ...(after && { after }) },
        );
        seen.push(...page.data.map(({ term }) => term));
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual(order === 'newest' ? [5, 4, 3, 2, 1] : [1, 2, 3, 4, 5]);
    }
    const bad = reader.terms({ tenantId: 'ten_a', electionId }, { limit: 2, order: 'newest', after: '1.x' });
    await expect(bad).rejects.toMatchObject({ code: 'request.invalid_query' });
  });

  it('of one tenant is nothing to another, with the same election id', async () => {
    await append(terms(1));
    await append(terms(2, { tenantId: 'ten_b' }));
    const count = async (tenantId: string): Promise<number> =>
      (await reader.terms({ tenantId, electionId }, { limit: 9, order: 'newest' })).data.length;
    expect([await count('ten_a'), await count('ten_b'), await count('ten_c')]).toEqual([1, 2, 0]);
    const unasked = await database.forTenant('ten_a', (rows) =>
      rows.query<{ tenant_id: string }[]>('SELECT DISTINCT tenant_id FROM leadership_events'),
    );
    expect(unasked).toEqual([{ tenant_id: 'ten_a' }]);
    for (const table of ['history_progress', 'relay_fence']) {
      const peek = database.forTenant('ten_a', (rows) => rows.query(`SELECT 1 FROM ${table}`));
      await expect(peek).rejects.toThrow(/permission denied/);
    }
  });
});

describe('the fence of the relay', () => {
  const take = (fence: number): Promise<void> => database.transaction((rows) => takeRelayFence(rows, fence));

  it('lets a relay write as long as none with a larger fence has', async () => {
    await take(5);
    await take(5);
    await take(7);
    await expect(take(6)).rejects.toBeInstanceOf(RelaySuperseded);
    await take(7);
  });

  it('keeps a relay waiting while its predecessor is about to commit', async () => {
    const order: string[] = [];
    const inside = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const first = database.transaction(async (rows) => {
      await takeRelayFence(rows, 8);
      inside.resolve();
      await go.promise;
      order.push('first');
    });
    await inside.promise;
    const second = take(9).then(() => order.push('second'));
    const blocked = async (): Promise<boolean> => {
      const rows = await fresh.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
      return rows.length > 0;
    };
    while (!(await blocked()));
    go.resolve();
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });
});
