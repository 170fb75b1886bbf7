import { describe, expect, it } from '@jest/globals';
import { FakeClock, flush } from '../test/fake-clock.js';
import { ScriptedService, TTL_MS } from '../test/scripted-service.js';
import { SessionsService } from '../test/sessions-service.js';
import { Http } from './http.js';
import { SharedSession } from './shared-session.js';
import { SharedStand } from './shared-stand.js';

/** A session with one stand after the other in the election `a`. */
async function scene() {
  const clock = new FakeClock();
  const state = new SessionsService();
  const service = new ScriptedService(state.script);
  const transport = new Http(['http://a'], 'key', service.fetch, clock);
  const shared = new SharedSession(transport, TTL_MS, () => 0.5);
  const live = await shared.live(() => undefined);
  const stand = async (): Promise<SharedStand> => {
    const one = new SharedStand(transport, shared, {
      election: 'a',
      request: { candidate: 'me' },
      waitForName: false,
      random: () => 0.5,
      onAnswer: () => undefined,
      onTrouble: () => undefined,
    });
    one.run().catch(() => undefined);
    await flush();
    return one;
  };
  return { clock, state, service, shared, live, stand };
}

describe('what a session remembers of candidacies that were resigned', () => {
  it('ends a ttlMs after the service has heard of it, when no grant that names it can be left', async () => {
    const { clock, shared, live, stand } = await scene();
    const one = await stand();
    const { candidateId = '' } = one;
    await one.resign(new AbortController().signal);
    await clock.pass(TTL_MS - 1);
    expect(live.wasResigned(candidateId)).toBe(true);
    await clock.pass(1);
    await (await stand()).resign(new AbortController().signal);
    expect(live.wasResigned(candidateId)).toBe(false);
    await shared.close();
  });

  it('lasts as long as the session, if the service may never have heard of it', async () => {
    const { clock, service, state, shared, live, stand } = await scene();
    const one = await stand();
    const { candidateId = '' } = one;
    service.script = (request) => (request.verb === 'resign' ? 'lost' : state.script(request));
    const resigning = one.resign(new AbortController().signal);
    await clock.pass(10 * TTL_MS);
    expect([(await resigning).outcome, live.wasResigned(candidateId)]).toEqual(['unknown', true]);
    await shared.close();
  });
});
