import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FaultProxy, waitUntil } from '#testing';
import type { Caller } from '../caller.js';
import { EventReader } from '../events/event-reader.js';
import { Service } from '../service.js';
import { Worker } from '../worker.js';

interface PastTerm {
  term: number;
  leader: { candidate: string; candidateId: string } | null;
  startedAt: string | null;
  endedAt: string | null;
  reason: string | null;
  endedBy: { type: string; id: string } | null;
  vacancyMs: number | null;
  reconstructed: boolean;
}

let service: Service;
let worker: Worker;
let caller: Caller;
let keyId: string;

beforeAll(async () => {
  service = await Service.start();
  worker = await Worker.start(service);
  ({ caller, keyId } = await service.tenant());
}, 60_000);
afterAll(async () => {
  await worker?.stop();
  await service?.stop();
});

const pathOf = (election: string): string => `/v1/elections/${election}/history`;

/** The terms of the election once so many of them are over. */
async function past(election: string, ended: number, query = ''): Promise<PastTerm[]> {
  let terms: PastTerm[] = [];
  const recorded = async (): Promise<boolean> => {
    terms = (await caller.get(`${pathOf(election)}${query}`)).body['data'] as PastTerm[];
    return terms.filter(({ endedAt }) => endedAt !== null).length === ended;
  };
  await waitUntil(recorded, { what: `${ended} terms that are over`, withinMs: 10_000 });
  return terms;
}

async function oneTerm(election: string, candidate: string): Promise<void> {
  const { body } = await caller.campaign(election, { candidate });
  await caller.resign(election, body);
}

describe('history', () => {
  it('tells who led when, why it ended and who ended it, newest first, the running term included', async () => {
    const election = await caller.election();
    const { body: one } = await caller.campaign(election, { candidate: 'one' });
    await caller.campaign(election, { candidate: 'two' });
    await caller.resign(election, one);
    const [running, first] = await past(election, 1);
    expect(running).toMatchObject({
      term: 2,
      leader: { candidate: 'two' },
      endedAt: null,
      reason: null,
      endedBy: null,
      vacancyMs: 0,
    });
    expect(first).toMatchObject({
      term: 1,
      fence: 1,
      leader: { candidate: 'one', candidateId: one['candidateId'] },
      reason: 'resigned',
      endedBy: { type: 'participant', id: one['candidateId'], name: 'one' },
      vacancyMs: null,
      reconstructed: false,
    });
    expect(first?.endedAt).toBe(running?.startedAt);
  });

  it('names the key of the operator that ended a term', async () => {
    const election = await caller.election();
    const { body: leader } = await caller.campaign(election, { candidate: 'one' });
    await caller.patch(`/v1/elections/${election}`, { state: 'paused' });
    await caller.resign(election, leader);
    const [term] = await past(election, 1);
    expect(term).toMatchObject({ reason: 'paused', endedBy: { type: 'api_key', id: keyId } });
  });

  it('pages in either order', async () => {
    const election = await caller.election();
    for (const candidate of ['a', 'b', 'c']) await oneTerm(election, candidate);
    await past(election, 3);
    const first = await caller.get(`${pathOf(election)}?limit=2&order=oldest`);
    const second = await caller.get(
      `${pathOf(election)}?limit=2&order=oldest&cursor=${String(first.body['nextCursor'])}`,
    );
    const pages = [first, second].map(({ body }) => (body['data'] as PastTerm[]).map(({ term }) => term));
    expect(pages).toEqual([[1, 2], [3]]);
    expect(second.body['nextCursor']).toBeNull();
    const bad = await caller.get(`${pathOf(election)}?cursor=abcd`);
    expect([bad.status, bad.body['code']]).toEqual([400, 'request.invalid_query']);
  });

  it('of a deleted election is gone like the election, and is there again when the name is', async () => {
    const election = await caller.election();
    await oneTerm(election, 'a');
    await past(election, 1);
    await caller.delete(`/v1/elections/${election}`);
    const [gone, never] = [await caller.get(pathOf(election)), await caller.get(pathOf('never-was'))];
    expect([gone.status, gone.body['code']]).toEqual([404, 'election.not_found']);
    expect({ ...gone.body, requestId: '' }).toEqual({ ...never.body, requestId: '' });
    await caller.election({ name: election });
    await oneTerm(election, 'b');
    const terms = await past(election, 2);
    expect(terms.map(({ term, leader }) => [term, leader?.candidate])).toEqual([
      [2, 'b'],
      [1, 'a'],
    ]);
  });

  it('is not for those who may not read the election', async () => {
    const election = await caller.election();
    const { caller: other } = await service.tenant();
    expect((await other.get(pathOf(election))).status).toBe(404);
    expect((await caller.with({ key: undefined }).get(pathOf(election))).status).toBe(401);
  });
});

describe('an event stream', () => {
  it('goes on at a replica that has just started, although the relay has taken the events away', async () => {
    const election = await caller.election();
    for (const candidate of ['a', 'b']) await oneTerm(election, candidate);
    await past(election, 2);
    const beside = await Service.start({ beside: service });
    try {
      const there = caller.with({ url: beside.url });
      const reader = await EventReader.open(there, election, '0.2');
      const seen = await reader.until(4);
      expect(seen.map(({ event, data }) => [event, data['sequence']])).toEqual([
        ['election.vacant', 3],
        ['leadership.acquired', 4],
        ['leadership.lost', 5],
        ['election.vacant', 6],
      ]);
      reader.close();
      const named = await fetch(`${beside.url}/v1/elections/${election}/events?afterSequence=5`, {
        headers: there.headers,
      });
      let text = '';
      for await (const chunk of (named.body ?? []) as AsyncIterable<Uint8Array>) {
        text += new TextDecoder().decode(chunk);
        if (text.includes('data: ')) break;
      }
      expect(text).toContain('"sequence":6');
    } finally {
      await beside.stop();
    }
  }, 60_000);

  it('is told gap, and the present state, while what it has missed cannot be read', async () => {
    const election = await caller.election();
    for (const candidate of ['a', 'b']) await oneTerm(election, candidate);
    await past(election, 2);
    const toPostgres = await FaultProxy.start(service.settings['DATABASE_URL'] ?? '');
    const url = new URL(service.settings['DATABASE_URL'] ?? '');
    const settings = { DATABASE_URL: Object.assign(url, { port: `${toPostgres.port}` }).href };
    toPostgres.cut();
    const beside = await Service.start({ beside: service, settings });
    try {
      const there = caller.with({ url: beside.url });
      const reader = await EventReader.open(there, election, '0.2');
      const seen = await reader.until(2);
      expect(seen.map(({ event }) => event)).toEqual(['gap', 'snapshot']);
      reader.close();
      const history = await there.get(pathOf(election));
      expect([history.status, history.body['code']]).toEqual([503, 'database.unavailable']);
      expect(history.headers.get('retry-after')).toBe('1');
    } finally {
      await beside.stop();
      await toPostgres.close();
    }
  }, 60_000);
});
