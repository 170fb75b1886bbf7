import { afterEach, describe, expect, it } from '@jest/globals';
import { flush } from '../test/fake-clock.js';
import { leading, problem, TTL_MS } from '../test/scripted-service.js';
import { closeAll, held, stand } from '../test/stand.js';

afterEach(closeAll);

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

  it('from a listener of the end of one term is not followed by the beginning of another', async () => {
    let term = 1;
    const { clock, candidacy, told } = stand(({ verb }) =>
      verb === 'resign'
        ? { status: 200, body: { state: 'out' } }
        : leading({ term, fence: term, candidateId: `cnd_${term}` }),
    );
    candidacy.on('lost', () => void candidacy.resign());
    await flush();
    term = 2;
    await clock.pass(TTL_MS);
    expect([told, candidacy.isLeader()]).toEqual([['elected 1', 'lost 1 superseded'], false]);
  });
});
