import { afterEach, describe, expect, it } from '@jest/globals';
import { leading, problem, TTL_MS, waiting } from '../test/scripted-service.js';
import { closeAll, stand } from '../test/stand.js';

afterEach(closeAll);

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
