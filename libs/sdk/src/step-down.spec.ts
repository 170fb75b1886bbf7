import { afterEach, describe, expect, it } from '@jest/globals';
import { flush } from '../test/fake-clock.js';
import { closeClients, scene } from '../test/scene.js';
import { problem, type Reply, type SeenRequest, TTL_MS } from '../test/scripted-service.js';
import { held } from '../test/stand.js';

afterEach(closeClients);

describe.each(['shared', 'own'] as const)('stepping down, with a session of the kind %s', (session) => {
  /** Leads `a` in term 1; whoever else there is leads after it. */
  async function led(others = true) {
    const { state, ...rest } = scene();
    const made = rest.stand('a', session === 'own' ? { ttlMs: TTL_MS } : {}, { session });
    await flush();
    if (others) state.taken.add('a');
    return { ...rest, state, a: made };
  }

  it('ends the belief before it is sent, and waits anew as another candidacy', async () => {
    const { clock, state, service, told, a } = await led();
    const believed: boolean[] = [];
    service.script = (request) => {
      if (request.verb === 'step-down') believed.push(a.isLeader());
      return state.script(request);
    };
    const done = a.stepDown();
    expect(a.isLeader()).toBe(false);
    expect(await done).toEqual({ outcome: 'stepped_down' });
    expect([believed, told, a.state]).toEqual([[false], ['a elected 1', 'a lost 1 stepped_down'], 'waiting']);
    Object.assign(state.contests.get('a') ?? {}, { state: 'leader' });
    await clock.pass(TTL_MS);
    expect([told.at(-1), a.isLeader()]).toEqual(['a elected 2', true]);
  });

  it('leads again in a new term when it is alone, as soon as that is answered', async () => {
    const { service, told, a } = await led(false);
    await a.stepDown();
    expect(told).toEqual(['a elected 1', 'a lost 1 stepped_down', 'a elected 2']);
    expect(a.isLeader()).toBe(true);
    expect(service.asked('step-down').map(({ body }) => body['candidateId'])).toEqual(['cnd_1']);
  });

  it('is told with the reason for which the service had asked for it', async () => {
    const { clock, state, told, a } = await led();
    a.on('yielding', ({ reason }) => void (reason === 'transferred' && a.stepDown()));
    Object.assign(state.contests.get('a') ?? {}, { reason: 'transferred', yieldByMs: 30_000 });
    await clock.pass(TTL_MS / 2);
    expect([told, a.state]).toEqual([['a elected 1', 'a lost 1 transferred'], 'waiting']);
  });

  it('is repeated until it is answered; meanwhile no renewal makes it believe', async () => {
    const { clock, state, service, told, a } = await led();
    service.script = (request) => (request.verb === 'step-down' ? 'lost' : state.script(request));
    let done: unknown;
    void a.stepDown().then((outcome) => (done = outcome));
    await clock.pass(5 * TTL_MS);
    expect([a.isLeader(), a.remainingMs(), done]).toEqual([false, 0, undefined]);
    expect(state.contests.get('a')).toMatchObject({ candidateId: 'cnd_1', state: 'leader' });
    service.script = state.script;
    await clock.pass(TTL_MS);
    expect([done, a.state]).toEqual([{ outcome: 'stepped_down' }, 'waiting']);
    expect(told).toEqual(['a elected 1', 'a lost 1 stepped_down']);
  });

  it('believes no renewal that the service answered before it heard of the step-down, whenever it comes', async () => {
    const { clock, state, service, told, a } = await led();
    const late = held();
    let before: Reply | undefined;
    service.script = (request) => {
      if (before !== undefined || request.verb !== 'renew') return state.script(request);
      before = state.script(request);
      return late.reply;
    };
    await clock.pass(TTL_MS / 3 + 1);
    await a.stepDown();
    late.release(before as unknown as Reply);
    await flush();
    expect([a.isLeader(), a.state, told]).toEqual([
      false,
      'waiting',
      ['a elected 1', 'a lost 1 stepped_down'],
    ]);
  });

  it('is one call and one loss, however often it is asked for, also by who hears of the loss', async () => {
    const { service, told, a } = await led();
    const outcomes: unknown[] = [];
    a.on('lost', () => void a.stepDown().then(({ outcome }) => outcomes.push(outcome)));
    const [one, two] = [a.stepDown(), a.stepDown()];
    expect((await Promise.all([one, two])).map(({ outcome }) => outcome)).toEqual([
      'stepped_down',
      'stepped_down',
    ]);
    expect(outcomes).toEqual(['stepped_down']);
    expect([service.asked('step-down').length, told.length]).toEqual([1, 2]);
  });

  it('sends nothing when it leads nothing', async () => {
    const { service, a } = await led();
    await a.stepDown();
    expect(await a.stepDown()).toEqual({ outcome: 'not_leading' });
    await a.resign();
    expect(await a.stepDown()).toEqual({ outcome: 'not_leading' });
    expect(service.asked('step-down')).toHaveLength(1);
  });

  it('followed by a resignation leaves nothing behind', async () => {
    const { clock, state, service, told, a } = await led();
    const answer = held();
    service.script = (request) => {
      const reply = state.script(request);
      return request.verb === 'step-down' ? answer.reply.then(() => reply) : reply;
    };
    const stepping = a.stepDown();
    await flush();
    const resigning = a.resign();
    answer.release({ status: 200, body: {} });
    expect([(await stepping).outcome, (await resigning).outcome]).toEqual(['stepped_down', 'resigned']);
    await clock.pass(TTL_MS);
    expect([state.contests.has('a'), told]).toEqual([false, ['a elected 1', 'a lost 1 stepped_down']]);
  });

  it('is cut by closing, which takes no longer than two seconds', async () => {
    const { clock, service, a } = await led();
    service.script = () => 'silent';
    const outcomes: unknown[] = [];
    void a.stepDown().then(({ outcome }) => outcomes.push(outcome));
    await clock.pass(100);
    void a.close().then(() => outcomes.push('closed'));
    await clock.pass(2_001);
    expect(outcomes).toEqual(['unknown', 'closed']);
  });

  it('that comes after the session had ended says so, and the candidacy stands again', async () => {
    const { clock, state, told, a } = await led();
    for (const one of [...state.sessions]) state.expire(one);
    state.taken.clear();
    expect(await a.stepDown()).toEqual({ outcome: 'expired' });
    await clock.pass(TTL_MS);
    expect(a.isLeader()).toBe(true);
    expect(told).toEqual(['a elected 1', 'a lost 1 stepped_down', 'a elected 2']);
  });

  it('that is refused for good ends the candidacy', async () => {
    const { clock, state, service, told, a } = await led();
    const refuse = (request: SeenRequest) =>
      request.verb === 'step-down' ? problem(403, 'identity.scope_missing') : state.script(request);
    service.script = refuse;
    await expect(a.stepDown()).rejects.toMatchObject({ code: 'identity.scope_missing' });
    await clock.pass(TTL_MS);
    expect([a.state, told.at(-1)]).toEqual(['out', 'a error identity.scope_missing']);
  });
});
