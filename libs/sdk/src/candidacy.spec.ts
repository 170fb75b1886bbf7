import { afterEach, describe, expect, it } from '@jest/globals';
import { flush } from '../test/fake-clock.js';
import { leading, out, problem, TTL_MS, waiting, type Script } from '../test/scripted-service.js';
import { closeAll, held, stand } from '../test/stand.js';

afterEach(closeAll);

describe('a candidacy that leads', () => {
  it('tells its term, fence and token, and renews before a grant ends', async () => {
    const { clock, candidacy, service, told } = stand(() => leading());
    await flush();
    expect(candidacy.leadership).toMatchObject({ term: 1, fence: 1, fencingToken: 'jwt-1' });
    await clock.pass(10 * TTL_MS);
    expect(candidacy.isLeader()).toBe(true);
    expect(told).toEqual(['elected 1']);
    expect(service.asked('renew').length).toBeGreaterThanOrEqual(29);
    expect(service.asked('campaign')).toHaveLength(1);
  });

  it('believes no grant to be longer than the TTL of its session', async () => {
    const { candidacy } = stand(() => leading({ validForMs: 10 * TTL_MS }));
    await flush();
    expect(candidacy.remainingMs()).toBe(TTL_MS);
  });

  it('believes for a tenth of the TTL when the reply took nine', async () => {
    const late = held();
    const { clock, candidacy } = stand(({ verb }) => (verb === 'campaign' ? late.reply : 'silent'));
    await flush();
    clock.freeze(0.9 * TTL_MS);
    late.release(leading());
    await flush();
    expect(candidacy.isLeader()).toBe(true);
    expect(candidacy.remainingMs()).toBeCloseTo(0.1 * TTL_MS, 5);
  });

  it('is not leader at the first question after its process was frozen past the grant, before any timer ran', async () => {
    const { clock, candidacy, told } = stand(() => leading());
    await flush();
    clock.freeze(TTL_MS);
    expect(candidacy.isLeader()).toBe(false);
    expect(candidacy.leadership).toBeUndefined();
    expect(told).toEqual(['elected 1']);
    await clock.pass(0);
    expect(told.slice(0, 2)).toEqual(['elected 1', 'lost 1 unreachable']);
  });

  it('loses leadership on its own, with notice, when no renewal is answered, and has it back when one is', async () => {
    const { clock, candidacy, service, told } = stand(({ verb }) =>
      verb === 'campaign' ? leading() : 'lost',
    );
    const leadership = await candidacy.whenElected();
    await clock.pass(TTL_MS);
    expect(candidacy.isLeader()).toBe(false);
    expect(leadership.signal.aborted).toBe(true);
    expect(told).toEqual(['elected 1', 'lost 1 unreachable']);
    service.script = () => leading({ term: 2, fence: 2 });
    await clock.pass(TTL_MS);
    expect(told.at(-1)).toBe('elected 2');
  });

  it('hears from a second replica in time when the first falls silent', async () => {
    const { clock, candidacy, service, told } = stand(() => leading(), {}, ['http://a', 'http://b']);
    await flush();
    service.script = ({ host }) => (host === 'a' ? 'silent' : leading());
    await clock.pass(5 * TTL_MS);
    expect(candidacy.isLeader()).toBe(true);
    expect(told).toEqual(['elected 1']);
  });

  it('keeps its term through a service so slow that every answer outlasts the time of one try', async () => {
    const { clock, candidacy, service, told } = stand(() => leading());
    await flush();
    service.script = () => new Promise((resolve) => clock.after(TTL_MS / 5, () => resolve(leading())));
    await clock.pass(5 * TTL_MS);
    expect(candidacy.isLeader()).toBe(true);
    expect(told).toEqual(['elected 1']);
  });

  it('keeps what was granted, and no more, while the service is yielding it', async () => {
    const { clock, candidacy, service, told } = stand(() => leading());
    await flush();
    service.script = () => ({
      status: 200,
      body: { state: 'yielding', reason: 'paused', session: 'ses_1', ttlMs: TTL_MS },
    });
    await clock.pass(TTL_MS - 1);
    expect(candidacy.isLeader()).toBe(true);
    await clock.pass(1);
    expect(candidacy.isLeader()).toBe(false);
    expect(told).toEqual(['elected 1', 'lost 1 paused']);
  });

  it('stops believing at once when the service says that another leads', async () => {
    const { clock, candidacy, service, told } = stand(() => leading());
    await flush();
    service.script = () => waiting({ leader: { candidate: 'you', term: 2, fence: 2, electedAt: '' } });
    await clock.pass(TTL_MS / 2);
    expect(candidacy.isLeader()).toBe(false);
    expect(told).toEqual(['elected 1', 'lost 1 superseded', 'waiting 1']);
    expect(candidacy.leader?.candidate).toBe('you');
  });

  it('tells the reason for which it was put out, and leads again in a term of its next stand', async () => {
    const { clock, service, told } = stand(() => leading());
    await flush();
    const again = leading({ candidateId: 'cnd_2', session: 'ses_2', term: 2, fence: 2 });
    service.script = ({ verb }) => (verb === 'campaign' ? again : out('paused'));
    await clock.pass(TTL_MS / 2);
    expect(told).toEqual(['elected 1', 'lost 1 paused', 'elected 2']);
    const keys = service.asked('campaign').map(({ key }) => key);
    expect(new Set(keys).size).toBe(2);
  });

  it.each([
    [401, 'identity.unauthenticated', 'refused'],
    [404, 'election.not_found', 'deleted'],
  ])(
    'ends with the refusal of a renewal by %i %s, told as "lost" and "error"',
    async (status, code, reason) => {
      const { clock, candidacy, service, told } = stand(() => leading());
      candidacy.on('error', ({ message }) => told.push(message));
      await flush();
      service.script = () => problem(status, code);
      await clock.pass(5 * TTL_MS);
      expect(told).toEqual(['elected 1', `lost 1 ${reason}`, `${code}: refused with ${code}`]);
      expect(service.asked('renew')).toHaveLength(1);
    },
  );

  it('renews on, and surfaces the error, when a listener throws', async () => {
    const surfaced: unknown[] = [];
    const { queueMicrotask } = globalThis;
    globalThis.queueMicrotask = (run) =>
      queueMicrotask(() => {
        try {
          run();
        } catch (error) {
          surfaced.push(error);
        }
      });
    const { clock, candidacy } = stand(() => leading());
    candidacy.on('elected', () => {
      throw new Error('a bug of the application');
    });
    await clock.pass(5 * TTL_MS).finally(() => (globalThis.queueMicrotask = queueMicrotask));
    expect(candidacy.isLeader()).toBe(true);
    expect(surfaced).toMatchObject([{ message: 'a bug of the application' }]);
  });
});

describe('a candidacy that waits', () => {
  it('asks to be held for half the TTL and knows of its promotion with the answer', async () => {
    const hold = held();
    const { clock, candidacy, service, told } = stand(({ verb }) =>
      verb === 'campaign' ? waiting() : hold.reply,
    );
    await clock.pass(TTL_MS / 3);
    expect(service.asked('renew').map(({ body }) => body['waitMs'])).toEqual([TTL_MS / 2]);
    service.script = () => leading();
    hold.release(leading());
    await clock.pass(0);
    expect(candidacy.isLeader()).toBe(true);
    // The hold has used up a third of the grant: the next renewal leaves at once.
    expect(service.asked('renew')).toHaveLength(2);
    expect(told).toEqual(['waiting 1', 'elected 1']);
  });

  it('asks at once and unheld after a held renewal fell silent, while its session still lives', async () => {
    const { clock, service } = stand(({ verb }) => (verb === 'campaign' ? waiting() : 'silent'));
    await clock.pass((TTL_MS * 3) / 4);
    expect(service.asked('renew').map(({ body }) => body['waitMs'])).toEqual([TTL_MS / 2, undefined]);
  });

  it('does not spin on a service that answers held renewals at once', async () => {
    const { clock, service } = stand(() => waiting());
    await clock.pass(10 * TTL_MS);
    expect(service.asked('renew').length).toBeLessThan(120);
    expect(service.asked('renew').length).toBeGreaterThan(20);
  });

  it('is back after each of 100 blips, under a new key whenever its session had ended', async () => {
    const blips: Script[] = [
      () => 'lost',
      () => problem(503, 'store.unavailable', { 'retry-after': '1' }),
      () => problem(410, 'session.expired'),
      () => out('deposed'),
      () => ({ status: 200, body: { nonsense: true } }),
      () => 'silent',
    ];
    const calm: Script = ({ verb }) =>
      verb === 'campaign'
        ? waiting()
        : new Promise((resolve) => clock.after(TTL_MS / 2, () => resolve(waiting())));
    const { clock, candidacy, service } = stand((request) => calm(request));
    for (let blip = 0; blip < 100; blip++) {
      let struck = false;
      service.script = (request) => {
        if (struck) return calm(request);
        struck = true;
        return (blips[blip % blips.length] ?? calm)(request);
      };
      await clock.pass(2 * TTL_MS);
      expect([blip, struck, candidacy.state]).toEqual([blip, true, 'waiting']);
    }
    const keys = service.asked('campaign').map(({ key }) => key);
    expect(keys).toHaveLength(1 + 34);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('acting', () => {
  it('runs work only with enough of the grant left', async () => {
    const { clock, candidacy, service } = stand(() => leading());
    expect(await candidacy.runIfLeader(0, () => 'done')).toEqual({ ran: false });
    await flush();
    service.script = () => 'silent';
    expect(await candidacy.runIfLeader(1_000, ({ fence }) => fence)).toEqual({ ran: true, value: 1 });
    await clock.pass(TTL_MS - 500);
    expect(candidacy.isLeader()).toBe(true);
    expect(await candidacy.runIfLeader(1_000, () => 'done')).toEqual({ ran: false });
  });

  it('gives up waiting for an election when its signal aborts', async () => {
    const { candidacy } = stand(() => waiting());
    const abort = new AbortController();
    const elected = candidacy.whenElected(abort.signal);
    abort.abort(new Error('enough'));
    await expect(elected).rejects.toThrow('enough');
  });
});
