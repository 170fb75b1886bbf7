import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock, flush } from '../test/fake-clock.js';
import {
  leading,
  out,
  problem,
  type Reply,
  type Script,
  ScriptedService,
  TTL_MS,
  waiting,
} from '../test/scripted-service.js';
import type { CampaignOptions, Candidacy } from './candidacy.js';
import { Incumbent } from './incumbent.js';

const open: Candidacy[] = [];

function stand(script: Script, over: Partial<CampaignOptions> = {}, baseUrls = ['http://a']) {
  const clock = new FakeClock();
  const service = new ScriptedService(script);
  const client = new Incumbent({ baseUrls, apiKey: 'key', fetch: service.fetch, clock, random: () => 0.5 });
  const candidacy = client.election('billing').campaign({ candidate: 'me', ttlMs: TTL_MS, ...over });
  open.push(candidacy);
  const told: string[] = [];
  candidacy.on('elected', ({ term }) => told.push(`elected ${term}`));
  candidacy.on('lost', ({ term, reason }) => told.push(`lost ${term} ${reason}`));
  candidacy.on('waiting', ({ position }) => told.push(`waiting ${position}`));
  return { clock, service, candidacy, told };
}

/** A reply that comes when `release` is called. */
function held(): { reply: Promise<Reply>; release: (reply: Reply) => void } {
  let release: (reply: Reply) => void = () => undefined;
  const reply = new Promise<Reply>((resolve) => (release = resolve));
  return { reply, release };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((candidacy) => Promise.race([candidacy.close(), flush()])));
});

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

describe('joining', () => {
  it('repeats a campaign whose reply was lost under the same key', async () => {
    let tries = 0;
    const { clock, candidacy, service } = stand(() => (tries++ < 3 ? 'lost' : leading()));
    await clock.pass(TTL_MS);
    expect(candidacy.isLeader()).toBe(true);
    expect(service.asked('campaign')).toHaveLength(4);
    expect(new Set(service.asked('campaign').map(({ key }) => key)).size).toBe(1);
  });

  it('waits as long as Retry-After asks', async () => {
    let tries = 0;
    const { clock, service } = stand(() =>
      tries++ === 0 ? problem(429, 'limit.rate_exceeded', { 'retry-after': '2' }) : waiting(),
    );
    await clock.pass(1_999);
    expect(service.asked('campaign')).toHaveLength(1);
    await clock.pass(1);
    expect(service.asked('campaign')).toHaveLength(2);
  });

  it.each([
    [401, 'identity.unauthenticated'],
    [403, 'identity.scope_missing'],
    [404, 'election.not_found'],
    [409, 'election.candidate_taken'],
    [400, 'request.invalid_body'],
  ])('surfaces %i %s as final, once', async (status, code) => {
    const { clock, candidacy, service } = stand(() => problem(status, code));
    const errors: Error[] = [];
    candidacy.on('error', (error) => errors.push(error));
    const elected = candidacy.whenElected().catch((error: unknown) => error);
    await clock.pass(TTL_MS);
    expect(await elected).toMatchObject({ status, code });
    expect(errors).toHaveLength(1);
    expect(service.seen).toHaveLength(1);
    expect(candidacy.state).toBe('out');
    await expect(candidacy.whenElected()).rejects.toMatchObject({ code });
  });

  it('waits for a holder of its name to expire when told so, and not for ever', async () => {
    const { clock, candidacy, service } = stand(() => problem(409, 'election.candidate_taken'), {
      waitForName: true,
    });
    const errors: Error[] = [];
    candidacy.on('error', (error) => errors.push(error));
    await clock.pass(TTL_MS);
    expect(errors).toHaveLength(0);
    service.script = () => leading();
    await clock.pass(TTL_MS / 2);
    expect(candidacy.isLeader()).toBe(true);

    const never = stand(() => problem(409, 'election.candidate_taken'), { waitForName: true });
    never.candidacy.on('error', (error) => errors.push(error));
    await never.clock.pass(3 * TTL_MS);
    expect(errors).toHaveLength(1);
  });
});

describe('leaving', () => {
  it('ends the belief before the resignation is sent', async () => {
    let believed: boolean | undefined;
    const { candidacy, told } = stand(({ verb }) => {
      if (verb === 'resign') believed = candidacy.isLeader();
      return verb === 'resign' ? { status: 200, body: { state: 'out', successor: 'you' } } : leading();
    });
    await flush();
    const resigning = candidacy.resign();
    expect(candidacy.isLeader()).toBe(false);
    expect(await resigning).toEqual({ outcome: 'resigned', successor: 'you' });
    expect(believed).toBe(false);
    expect(told).toEqual(['elected 1', 'lost 1 resigned']);
    expect(candidacy.state).toBe('out');
  });

  it('never grants from a renewal that was under way, answered before or after the resignation', async () => {
    const renewal = held();
    const { clock, candidacy, service, told } = stand(({ verb }) =>
      verb === 'renew' ? renewal.reply : leading(),
    );
    await flush();
    await clock.pass(TTL_MS / 2);
    expect(service.asked('renew').length).toBeGreaterThan(0);
    const resigning = candidacy.resign();
    renewal.release(leading());
    await flush();
    expect(candidacy.isLeader()).toBe(false);
    await resigning;
    await clock.pass(2 * TTL_MS);
    expect(candidacy.isLeader()).toBe(false);
    expect(told).toEqual(['elected 1', 'lost 1 resigned']);
    expect(service.asked('resign').map(({ body }) => body)).toEqual([
      { session: 'ses_1', candidateId: 'cnd_1' },
    ]);
  });

  it('repeats a resignation until it is answered', async () => {
    let tries = 0;
    const { clock, candidacy, service } = stand(({ verb }) => {
      if (verb !== 'resign') return leading();
      return tries++ < 2 ? 'lost' : { status: 200, body: { state: 'out' } };
    });
    await flush();
    const resigning = candidacy.resign();
    await clock.pass(TTL_MS);
    expect(await resigning).toEqual({ outcome: 'resigned' });
    expect(service.asked('resign')).toHaveLength(3);
  });

  it('says expired, and stops, when the session must have ended unheard', async () => {
    const { clock, candidacy, service } = stand(({ verb }) => (verb === 'resign' ? 'lost' : leading()));
    await flush();
    const resigning = candidacy.resign();
    await clock.pass(2 * TTL_MS);
    expect(await resigning).toEqual({ outcome: 'expired' });
    const sent = service.seen.length;
    await clock.pass(5 * TTL_MS);
    expect(service.seen).toHaveLength(sent);
  });

  it('resigns what a campaign still under way turns out to have created', async () => {
    const campaign = held();
    const { candidacy, service, told } = stand(({ verb }) =>
      verb === 'campaign' ? campaign.reply : { status: 200, body: { state: 'out' } },
    );
    await flush();
    const resigning = candidacy.resign();
    await flush();
    campaign.release(leading());
    expect(await resigning).toEqual({ outcome: 'resigned' });
    expect(service.asked('resign')).toHaveLength(1);
    expect(candidacy.isLeader()).toBe(false);
    expect(told).toEqual([]);
  });

  it('ends, resigns and sends nothing more when its signal aborts', async () => {
    const abort = new AbortController();
    const { clock, candidacy, service } = stand(
      ({ verb }) => (verb === 'resign' ? { status: 200, body: { state: 'out' } } : leading()),
      {
        signal: abort.signal,
      },
    );
    await flush();
    abort.abort();
    expect(candidacy.isLeader()).toBe(false);
    await candidacy.close();
    expect(service.seen.at(-1)?.verb).toBe('resign');
    const sent = service.seen.length;
    await clock.pass(5 * TTL_MS);
    expect(service.seen).toHaveLength(sent);
  });

  it('sends nothing at all when its signal had aborted before', async () => {
    const { candidacy, service } = stand(() => leading(), { signal: AbortSignal.abort() });
    await expect(candidacy.whenElected()).rejects.toMatchObject({
      name: 'CandidacyEnded',
      reason: 'aborted',
    });
    await candidacy.close();
    expect(service.seen).toHaveLength(0);
  });

  it('stays out after its session ended when told not to stand again', async () => {
    const { clock, candidacy, service, told } = stand(
      ({ verb }) => (verb === 'campaign' ? leading() : problem(410, 'session.expired')),
      { rejoin: false },
    );
    await clock.pass(5 * TTL_MS);
    expect(told).toEqual(['elected 1', 'lost 1 expired']);
    expect(service.asked('campaign')).toHaveLength(1);
    expect(candidacy.state).toBe('out');
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
