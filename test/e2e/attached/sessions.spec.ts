import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Service, type Tenant } from '../service.js';
import { AttachedParticipant, type Told } from './attached-participant.js';

const TTL_MS = 400;

let service: Service;
let tenant: Tenant;
const participants: AttachedParticipant[] = [];

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterEach(() => {
  for (const participant of participants.splice(0)) participant.drop();
});

afterAll(() => service?.stop());

async function attach(key = tenant.caller.key): Promise<AttachedParticipant> {
  const participant = await AttachedParticipant.connect(service.url, { key });
  participants.push(participant);
  return participant;
}

/** Renews as often as it should; returns what ends it. */
function keepRenewing(participant: AttachedParticipant, session: unknown): () => void {
  const renew = (): void => void participant.ask('renew', { session }).catch(() => undefined);
  const timer = setInterval(renew, TTL_MS / 4);
  return () => clearInterval(timer);
}

async function standing(
  participant: AttachedParticipant,
  election: string,
  candidate: string,
): Promise<{ session: unknown; answer: Told }> {
  const { session } = await participant.does('open', { ttlMs: TTL_MS });
  const answer = await participant.does('campaign', { election, candidate, session });
  return { session, answer };
}

describe('an attached session', () => {
  it('may be as short as 200 ms, which HTTP refuses, and no shorter', async () => {
    const participant = await attach();
    expect(await participant.ask('open', { ttlMs: 200 })).toMatchObject({ ok: true, ttlMs: 200 });
    expect(await participant.ask('open', { ttlMs: 199 })).toMatchObject({
      ok: false,
      problem: { code: 'request.invalid_body', errors: [{ pointer: '/ttlMs' }] },
    });
    expect((await tenant.caller.post('/v1/sessions', { ttlMs: 999 })).status).toBe(400);
  });

  it('keeps its term through many times its ttlMs while its frames renew it', async () => {
    const participant = await attach();
    const election = await tenant.caller.election();
    const { session, answer } = await standing(participant, election, 'one');
    expect(answer).toMatchObject({ state: 'leader', term: 1 });
    const beganMs = performance.now();
    const renewed = async (): Promise<boolean> => {
      const renewal = await participant.does('renew', { session, election });
      expect(renewal).toMatchObject({ state: 'leader', term: 1 });
      expect(renewal['fencingToken']).toEqual(expect.any(String));
      return performance.now() - beganMs >= 5 * TTL_MS;
    };
    await waitUntil(renewed, { what: 'five lives of the session', everyMs: TTL_MS / 6 });
    // What the answer had told may be told again; nothing else happened.
    expect(participant.news.filter(({ event }) => event !== 'elected')).toEqual([]);
  });

  it('tells with a renewal that names no election every term that it leads', async () => {
    const participant = await attach();
    const elections = await Promise.all([tenant.caller.election(), tenant.caller.election()]);
    const { session } = await participant.does('open', { ttlMs: 5_000 });
    for (const election of elections)
      await participant.does('campaign', { election, candidate: 'one', session });
    const told = async () => (await participant.does('renew', { session }))['terms'] as Told[];
    await waitUntil(async () => (await told()).length === 2, { what: 'both terms' });
    expect((await told()).map((led) => led['election']).sort()).toEqual(elections.sort());
    expect((await told()).every((led) => led['state'] === 'leader')).toBe(true);
  });

  it('is told when its candidacy is promoted, and granted the term by its own renewal', async () => {
    const [first, second] = [await attach(), await attach()];
    const election = await tenant.caller.election();
    const leader = await first.does('campaign', { election, candidate: 'one', ttlMs: 10_000 });
    const waiter = await second.does('campaign', { election, candidate: 'two', ttlMs: 10_000 });
    expect(waiter['state']).toBe('waiting');
    await first.does('resign', { ...pick(leader, 'session', 'candidateId'), election });
    const { frame } = await second.told('elected');
    expect(frame).toEqual({
      event: 'elected',
      election,
      candidateId: waiter['candidateId'],
      seat: 0,
      term: 2,
    });
    const renewed = await second.does('renew', { session: waiter['session'], election });
    expect(renewed).toMatchObject({ state: 'leader', term: 2, validForMs: 9_800 });
  });

  it('is not told of the term that its own campaign was answered with', async () => {
    const participant = await attach();
    const election = await tenant.caller.election();
    await participant.does('campaign', { election, candidate: 'one', ttlMs: 10_000 });
    // The change is behind the one that the next answer needs.
    await tenant.caller.untilStanding(election, 1);
    await participant.does('campaign', { election: await tenant.caller.election(), candidate: 'one' });
    expect(participant.news).toEqual([]);
  });

  it('whose socket dies is succeeded when its ttlMs is over, not before', async () => {
    const [first, second] = [await attach(), await attach()];
    const election = await tenant.caller.election();
    const leader = await standing(first, election, 'one');
    const waiter = await standing(second, election, 'two');
    const stop = keepRenewing(second, waiter.session);
    const sentMs = performance.now();
    await first.does('renew', { session: leader.session });
    first.drop();
    const { atMs } = await second.told('elected');
    stop();
    expect(atMs - sentMs).toBeGreaterThanOrEqual(TTL_MS);
    expect(atMs - sentMs).toBeLessThan(TTL_MS + 1_000);
  });

  it('is not kept alive by a socket that is open and answers pings', async () => {
    const [first, second] = [await attach(), await attach()];
    const election = await tenant.caller.election();
    await standing(first, election, 'one');
    const waiter = await standing(second, election, 'two');
    const stop = keepRenewing(second, waiter.session);
    await second.told('elected');
    stop();
    expect(first.closed).toBeUndefined();
    expect((await first.told('superseded')).frame).toMatchObject({ election, term: 1, reason: 'expired' });
  });

  it('that is ended is succeeded at once', async () => {
    const [first, second] = [await attach(), await attach()];
    const election = await tenant.caller.election();
    const { session } = await first.does('open', { ttlMs: 60_000 });
    await first.does('campaign', { election, candidate: 'one', session });
    await second.does('campaign', { election, candidate: 'two', ttlMs: 60_000 });
    const endedMs = performance.now();
    expect(await first.does('end', { session })).toMatchObject({ state: 'ended' });
    expect((await second.told('elected')).atMs - endedMs).toBeLessThan(2_000);
    expect(await first.ask('renew', { session })).toMatchObject({ problem: { code: 'session.expired' } });
  });

  it('is held to the election: a held renewal is answered by the promotion, with a grant', async () => {
    const [first, second] = [await attach(), await attach()];
    const election = await tenant.caller.election();
    const leader = await first.does('campaign', { election, candidate: 'one', ttlMs: 20_000 });
    const { session } = await second.does('campaign', { election, candidate: 'two', ttlMs: 20_000 });
    const held = second.does('renew', { election, session, waitMs: 10_000 });
    await first.does('resign', { ...pick(leader, 'session', 'candidateId'), election });
    expect(await held).toMatchObject({ state: 'leader', term: 2 });
  });

  it('moves freely between sockets and plain HTTP, and its news go to the socket that attached it last', async () => {
    const [first, second, other] = [await attach(), await attach(), await attach()];
    const election = await tenant.caller.election();
    const leader = await other.does('campaign', { election, candidate: 'one', ttlMs: 10_000 });
    const { session } = await first.does('open', { ttlMs: 10_000 });
    await first.does('campaign', { election, candidate: 'two', session });
    expect((await tenant.caller.post('/v1/sessions/renew', { session })).status).toBe(200);
    await second.does('attach', { session });
    first.drop();
    await first.untilClosed();
    await other.does('resign', { ...pick(leader, 'session', 'candidateId'), election });
    await second.told('elected');
    const terms = (await second.does('renew', { session }))['terms'];
    expect(terms).toMatchObject([{ election, state: 'leader', term: 2 }]);
    const over = await tenant.caller.post('/v1/sessions/renew', { session });
    expect(over.body['terms']).toMatchObject([{ election, term: 2 }]);
  });

  it('learns that its election was paused, yields, and learns that its term is over', async () => {
    const participant = await attach();
    const election = await tenant.caller.election();
    const { session } = await participant.does('campaign', { election, candidate: 'one', ttlMs: 1_500 });
    await tenant.caller.patch(`/v1/elections/${election}`, { state: 'paused' });
    expect((await participant.told('yield_requested')).frame).toMatchObject({ election, reason: 'paused' });
    expect(await participant.does('renew', { session, election })).toMatchObject({ state: 'yielding' });
    expect((await participant.told('superseded')).frame).toMatchObject({ election, reason: 'paused' });
  });

  it('learns that an operator asks it to step down, leads on meanwhile, and stands anew when it does', async () => {
    const [first, second] = [await attach(), await attach()];
    const election = await tenant.caller.election();
    const leader = await first.does('campaign', { election, candidate: 'one', ttlMs: 10_000 });
    await second.does('campaign', { election, candidate: 'two', ttlMs: 10_000 });
    const wish = { mode: 'graceful', graceMs: 30_000, expectedTerm: 1 };
    const asked = await tenant.caller.post(`/v1/elections/${election}/step-down`, wish);
    expect(asked.status).toBe(202);
    expect((await first.told('yield_requested')).frame).toMatchObject({ election, graceMs: 30_000 });
    const session = leader['session'];
    const renewed = await first.does('renew', { election, session });
    expect(renewed).toMatchObject({ state: 'leader', term: 1, yieldByMs: expect.any(Number) });
    const { candidateId } = leader;
    const stepped = await first.does('step-down', { election, session, candidateId });
    expect(stepped).toMatchObject({ state: 'waiting' });
    expect(stepped['candidateId']).not.toBe(candidateId);
    expect((await second.told('elected')).frame).toMatchObject({ election, term: 2 });
  });

  it('makes one candidacy with an idempotency key, however often the frame is sent', async () => {
    const participant = await attach();
    const election = await tenant.caller.election();
    const frame = { election, candidate: 'one', idempotencyKey: 'stand-1' };
    const answers = [await participant.does('campaign', frame), await participant.does('campaign', frame)];
    expect(answers[1]).toMatchObject(pick(answers[0] ?? {}, 'session', 'candidateId', 'term'));
  });
});

describe('a key that is bound to some elections', () => {
  it('sees no others over a socket either, in answers or in news', async () => {
    const bound = await service.key(tenant.id, { electionPrefix: 'mine.' });
    const participant = await attach(bound.caller.key);
    const election = await tenant.caller.election();
    expect(await participant.ask('campaign', { election, candidate: 'one' })).toMatchObject({
      problem: { code: 'election.not_found' },
    });
    const { body: leader } = await tenant.caller.campaign(election, { candidate: 'one' });
    const { body: waiter } = await tenant.caller.campaign(election, { candidate: 'two', ttlMs: 10_000 });
    await participant.does('attach', { session: waiter['session'] });
    await tenant.caller.resign(election, leader);
    const mine = await tenant.caller.election({ name: `mine.${crypto.randomUUID()}` });
    const first = await tenant.caller.campaign(mine, { candidate: 'one' });
    await participant.does('campaign', { election: mine, candidate: 'two', session: waiter['session'] });
    await tenant.caller.resign(mine, first.body);
    await participant.told('elected');
    expect(participant.news.map((news) => news['election'])).toEqual([mine]);
    expect((await participant.does('renew', { session: waiter['session'] }))['terms']).toMatchObject([
      { election: mine },
    ]);
  });
});

function pick(from: Told, ...names: string[]): Told {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}
