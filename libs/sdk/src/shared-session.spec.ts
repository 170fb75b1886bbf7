import { afterEach, describe, expect, it } from '@jest/globals';
import { flush } from '../test/fake-clock.js';
import { closeClients, scene } from '../test/scene.js';
import { problem, type Reply, type Script, type SeenRequest, TTL_MS } from '../test/scripted-service.js';
import { held } from '../test/stand.js';
import type { CampaignOptions } from './candidacy.js';
import { Http } from './http.js';
import type { ElectionOptions } from './incumbent.js';
import { SharedSession } from './shared-session.js';

afterEach(closeClients);

describe('candidacies of one client', () => {
  it('share one session and its renewals, however many lead', async () => {
    const { clock, stand, service, told, paths, sessionRenewals } = scene();
    const [a, b, c] = [stand('a'), stand('b'), stand('c')];
    await clock.pass(10 * TTL_MS);
    expect([a, b, c].map((one) => one.isLeader())).toEqual([true, true, true]);
    expect(told.sort()).toEqual(['a elected 1', 'b elected 2', 'c elected 3']);
    expect(service.asked('sessions')).toHaveLength(1);
    expect(new Set(service.asked('campaign').map(({ body }) => body['session']))).toEqual(new Set(['ses_1']));
    expect(sessionRenewals()).toBeGreaterThanOrEqual(29);
    expect(sessionRenewals()).toBeLessThan(36);
    expect(paths()).toHaveLength(1 + 3 + sessionRenewals());
  });

  it('count each grant from before the renewal was sent', async () => {
    const { clock, state, service, stand } = scene();
    const [a, b] = [stand('a'), stand('b')];
    await flush();
    const late = held();
    let caught: SeenRequest | undefined;
    service.script = (request) => {
      if (caught !== undefined) return 'silent';
      caught = request;
      return late.reply;
    };
    await clock.pass(TTL_MS / 3);
    clock.freeze(0.6 * TTL_MS);
    late.release(state.script(caught as unknown as SeenRequest));
    await flush();
    expect(a.remainingMs()).toBeCloseTo(0.4 * TTL_MS, 5);
    expect(b.remainingMs()).toBeCloseTo(0.4 * TTL_MS, 5);
    clock.freeze(0.4 * TTL_MS);
    expect([a.isLeader(), b.isLeader()]).toEqual([false, false]);
  });

  it('tell with each renewal of the session how long the one before took', async () => {
    const { clock, state, service, stand } = scene();
    stand('a');
    await flush();
    const late = held();
    let caught: SeenRequest | undefined;
    service.script = (request) => {
      if (caught !== undefined) return state.script(request);
      caught = request;
      return late.reply;
    };
    await clock.pass(TTL_MS / 3);
    clock.freeze(120);
    late.release(state.script(caught as unknown as SeenRequest));
    await flush();
    await clock.pass(TTL_MS);
    const renewals = service.seen.filter(({ path }) => path === '/v1/sessions/renew');
    expect(renewals.slice(0, 3).map(({ body }) => body['previousRttMs'])).toEqual([undefined, 120, 0]);
  });

  it('are not leaders at the first question after the process was frozen, or the machine slept, past the grant', async () => {
    const { clock, stand } = scene();
    const [a, b] = [stand('a'), stand('b')];
    await flush();
    clock.suspend(TTL_MS);
    expect([a.isLeader(), b.isLeader()]).toEqual([false, false]);
  });

  it('are told that they still lead, and until when, while the service cannot say; and lose nothing by it', async () => {
    const { clock, state, service, stand, told } = scene();
    const a = stand('a');
    const untils: (Date | undefined)[] = [];
    a.on('jeopardy', ({ until }) => untils.push(until));
    await flush();
    const endsMs = clock.wallTimeMs() + TTL_MS;
    service.script = () => problem(503, 'store.unavailable', { 'retry-after': '1' });
    await clock.pass(TTL_MS * 0.8);
    expect(untils.length).toBeGreaterThan(0);
    expect(new Set(untils.map((until) => until?.getTime()))).toEqual(new Set([endsMs]));
    service.script = state.script;
    await clock.pass(TTL_MS);
    expect(a.isLeader()).toBe(true);
    expect(told).toEqual(['a elected 1']);
  });

  it('know of a promotion by the held answer of their election', async () => {
    const { clock, state, service, stand, told } = scene();
    state.taken.add('b');
    const [a, b] = [stand('a'), stand('b')];
    const hold = held();
    service.script = (request) => (request.body['waitMs'] === undefined ? state.script(request) : hold.reply);
    await clock.pass(TTL_MS / 4);
    expect([a.isLeader(), b.state]).toEqual([true, 'waiting']);
    Object.assign(state.contests.get('b') ?? {}, { state: 'leader' });
    hold.release(state.script(service.asked('renew').at(-1) as SeenRequest));
    await flush();
    expect(b.isLeader()).toBe(true);
    expect(told).toEqual(['a elected 1', 'b elected 2']);
  });

  it('know of a promotion by a renewal of the session, should the held answer be late', async () => {
    const { clock, state, service, stand } = scene();
    state.taken.add('b');
    const b = stand('b');
    service.script = (request) => (request.body['waitMs'] === undefined ? state.script(request) : 'silent');
    await flush();
    Object.assign(state.contests.get('b') ?? {}, { state: 'leader' });
    await clock.pass(TTL_MS / 3 + 1);
    expect(b.isLeader()).toBe(true);
  });
});

describe('an answer that comes late', () => {
  it('is not told, if it says "waiting" of before the term that a later one told', async () => {
    const { clock, state, service, stand, told } = scene();
    state.taken.add('b');
    const b = stand('b');
    const positions: unknown[] = [];
    b.on('waiting', ({ position }) => positions.push(position));
    const hold = held();
    service.script = (request) => (request.body['waitMs'] === undefined ? state.script(request) : hold.reply);
    await flush();
    const before = state.script(service.asked('renew').at(-1) as SeenRequest);
    Object.assign(state.contests.get('b') ?? {}, { state: 'leader' });
    await clock.pass(TTL_MS / 3 + 1);
    expect(b.isLeader()).toBe(true);
    hold.release(before);
    await flush();
    expect([b.isLeader(), b.state, told, positions]).toEqual([true, 'leader', ['b elected 1'], [1]]);
  });
});

describe('the end of a term', () => {
  it.each(['paused', 'deposed', 'deleted'])(
    'is told with its reason, %s, and ends no other',
    async (reason) => {
      const { clock, state, stand, told } = scene();
      const a = stand('a', { rejoin: false });
      const b = stand('b');
      await flush();
      state.putOut('a', reason);
      await clock.pass(TTL_MS / 2);
      expect(told).toEqual(['a elected 1', 'b elected 2', `a lost 1 ${reason}`]);
      expect([a.isLeader(), b.isLeader()]).toEqual([false, true]);
    },
  );

  it('that the leader is asked for is told once, with the time that it has, and leads on meanwhile', async () => {
    const { clock, state, stand, told } = scene();
    const a = stand('a');
    const asked: unknown[] = [];
    a.on('yielding', (news) => asked.push([news.reason, news.yieldByMs]));
    await flush();
    Object.assign(state.contests.get('a') ?? {}, { reason: 'transferred', yieldByMs: 30_000 });
    await clock.pass(3 * TTL_MS);
    expect([a.isLeader(), asked, told]).toEqual([true, [['transferred', 30_000]], ['a elected 1']]);
  });

  it('that yields is told, and what was granted holds to its end', async () => {
    const { clock, state, stand, told } = scene();
    const a = stand('a');
    const yields: number[] = [];
    a.on('yielding', ({ remainingMs }) => yields.push(remainingMs));
    await flush();
    Object.assign(state.contests.get('a') ?? {}, { state: 'yielding', reason: 'paused' });
    await clock.pass(TTL_MS - 1);
    expect([a.isLeader(), yields.length]).toEqual([true, 1]);
    await clock.pass(1);
    expect(told).toEqual(['a elected 1', 'a lost 1 paused']);
  });

  it('whose election is gone is told as deleted, and ends that candidacy alone', async () => {
    const { clock, state, service, stand, told } = scene();
    const [a, b] = [stand('a'), stand('b')];
    await flush();
    state.putOut('a', 'deleted');
    service.script = (request) =>
      request.path.startsWith('/v1/elections/a') ? problem(404, 'election.not_found') : state.script(request);
    await clock.pass(TTL_MS);
    expect(told).toEqual(['a elected 1', 'b elected 2', 'a lost 1 deleted', 'a error election.not_found']);
    expect([a.state, b.isLeader()]).toEqual(['out', true]);
  });

  it('that comes with the end of the session is told to all, and all stand again with one new session', async () => {
    const { clock, state, service, stand, told } = scene();
    const [a, b] = [stand('a'), stand('b')];
    await flush();
    state.expire('ses_1');
    await clock.pass(TTL_MS);
    expect(told.sort()).toEqual([
      'a elected 1',
      'a elected 3',
      'a lost 1 expired',
      'b elected 2',
      'b elected 4',
      'b lost 2 expired',
    ]);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, true]);
    expect(service.asked('sessions')).toHaveLength(2);
    expect([...state.sessions]).toEqual(['ses_2']);
  });

  it('is noticed by a campaign before the session is renewed, which makes a new one for all', async () => {
    const { clock, state, stand } = scene();
    const a = stand('a');
    await flush();
    state.expire('ses_1');
    const b = stand('b');
    await clock.pass(TTL_MS / 6);
    expect([a.isLeader(), b.isLeader(), ...state.sessions]).toEqual([true, true, 'ses_2']);
  });

  it('that a refusal of the session means is final for all', async () => {
    const { clock, service, stand, told } = scene();
    const [a, b] = [stand('a'), stand('b')];
    await flush();
    service.script = () => problem(401, 'identity.unauthenticated');
    await clock.pass(TTL_MS);
    expect([a.state, b.state]).toEqual(['out', 'out']);
    expect(told.filter((line) => line.includes('lost'))).toEqual(['a lost 1 refused', 'b lost 2 refused']);
  });
});

describe('a term that nobody wants', () => {
  it('is resigned at once, and once for each answer at most', async () => {
    const { clock, state, service, stand } = scene();
    stand('a');
    await flush();
    state.contests.set('ghost', { session: 'ses_1', candidateId: 'cnd_9', state: 'leader', term: 9 });
    await clock.pass(TTL_MS / 2);
    expect(service.asked('resign').map(({ path, body }) => [path, body['candidateId']])).toEqual([
      ['/v1/elections/ghost/resign', 'cnd_9'],
    ]);
    expect([...state.contests.keys()]).toEqual(['a']);
  });

  it('is not one whose campaign is still under way', async () => {
    const { clock, state, service, stand } = scene();
    stand('a');
    await flush();
    const answer = held();
    let reply: Reply | undefined;
    service.script = (request) => {
      if (request.verb !== 'campaign') return state.script(request);
      reply = state.script(request);
      return answer.reply;
    };
    const b = stand('b');
    await clock.pass(TTL_MS);
    expect(state.contests.get('b')?.state).toBe('leader');
    expect(service.asked('resign')).toEqual([]);
    answer.release(reply as unknown as Reply);
    await flush();
    expect(b.isLeader()).toBe(true);
  });

  it('is not one that a campaign under way has not made yet, and nobody else minds', async () => {
    const { clock, state, service, stand, told } = scene();
    const a = stand('a');
    await flush();
    service.script = (request) => (request.verb === 'campaign' ? 'silent' : state.script(request));
    const b = stand('b');
    await clock.pass(2 * TTL_MS);
    expect([a.isLeader(), b.state, told]).toEqual([true, 'joining', ['a elected 1']]);
  });

  it('is left by a campaign whose answer never came, and resigned when a renewal tells of it', async () => {
    const { clock, state, service, stand } = scene();
    stand('a');
    await flush();
    service.script = (request) => {
      const reply = state.script(request);
      return request.verb === 'campaign' ? 'silent' : reply;
    };
    const b = stand('b');
    await flush();
    const closing = b.close();
    await clock.pass(TTL_MS);
    await closing;
    expect(state.contests.has('b')).toBe(false);
    expect(b.isLeader()).toBe(false);
  });
});

describe('a session of its own', () => {
  it.each<[string, Partial<CampaignOptions>, ElectionOptions]>([
    ['asked for', {}, { session: 'own' }],
    ['of another ttlMs', { ttlMs: 2 * TTL_MS }, {}],
  ])('is made when it is %s', async (_, over, options) => {
    const { service, stand } = scene();
    stand('a', over, options);
    await flush();
    expect(service.asked('sessions')).toEqual([]);
    expect(service.asked('campaign').map(({ key }) => typeof key)).toEqual(['string']);
  });

  it('is made for a second candidacy of the same election', async () => {
    const { service, stand } = scene();
    stand('a');
    stand('a', { candidate: 'too' });
    await flush();
    const [own, shared] = service.asked('campaign').sort((one) => (one.key === undefined ? 1 : -1));
    expect([own?.body['session'], shared?.body['session']]).toEqual([undefined, 'ses_1']);
  });
});

describe('making the session', () => {
  it('is repeated under the same key when the answer is lost, and makes one', async () => {
    const { clock, state, service, stand } = scene();
    let lost = 0;
    service.script = (request) => {
      const reply = state.script(request);
      return request.verb === 'sessions' && lost++ < 2 ? 'lost' : reply;
    };
    const [a, b] = [stand('a'), stand('b')];
    await clock.pass(TTL_MS);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, true]);
    expect(new Set(service.asked('sessions').map(({ key }) => key)).size).toBe(1);
    expect(state.sessions.size).toBe(1);
  });

  it('tells everybody who waits for it that it is repeated, and nobody who has left', async () => {
    const { clock, service, stand } = scene();
    service.script = () => problem(503, 'store.unavailable');
    const [a, b] = [stand('a'), stand('b')];
    await clock.pass(TTL_MS);
    expect([a.trouble?.message, b.trouble?.message]).toEqual(Array(2).fill(expect.stringMatching('store')));
    await b.close();
    service.script = () => problem(503, 'service.stopping');
    await clock.pass(TTL_MS);
    expect([a.trouble?.message, b.trouble?.message]).toEqual(
      ['stopping', 'store'].map((word): unknown => expect.stringMatching(word)),
    );
  });

  it('is final when it is refused, and given up when nobody needs it', async () => {
    const refused = scene();
    refused.service.script = () => problem(403, 'identity.scope_missing');
    refused.stand('a');
    await refused.clock.pass(TTL_MS);
    expect(refused.told).toEqual(['a error identity.scope_missing']);
    expect(refused.service.seen).toHaveLength(1);

    const away = scene();
    away.service.script = (() => 'lost') satisfies Script;
    const a = away.stand('a');
    await away.clock.pass(TTL_MS);
    await a.close();
    const sent = away.service.seen.length;
    await away.clock.pass(5 * TTL_MS);
    expect(away.service.seen).toHaveLength(sent);
  });

  it('begins anew for whoever needs it in the moment in which it is given up', async () => {
    const { clock, state, service } = scene();
    const shared = new SharedSession(new Http(['http://a'], 'k', service.fetch, clock), TTL_MS, () => 0.5);
    service.script = () => 'silent';
    const given = shared.live(() => undefined);
    const closing = shared.close();
    service.script = state.script;
    const live = await shared.live(() => undefined);
    await expect(given).rejects.toThrow();
    expect([await closing, live.end, ...state.sessions]).toEqual([true, undefined, live.token]);
    await shared.close();
  });
});
