import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { flush } from '../test/fake-clock.js';
import { closeClients, scene } from '../test/scene.js';
import { TTL_MS } from '../test/scripted-service.js';

afterEach(closeClients);

describe.each(['shared', 'own'] as const)(
  'a thousand candidacies with a session of the kind %s',
  (session) => {
    it('leave no timer and no listener behind, however they ended', async () => {
      const { clock, state, stand } = scene();
      stand('kept');
      await flush();
      const before = clock.timers;
      const abort = new AbortController();
      for (let turn = 0; turn < 1_000; turn += 1) {
        if (turn % 2 === 0) state.taken.delete('a');
        else state.taken.add('a');
        const ttlMs = session === 'own' ? { ttlMs: TTL_MS } : {};
        const one = stand('a', { signal: abort.signal, ...ttlMs }, { session });
        // Some leave while their campaign is under way.
        if (turn % 3 !== 0) await flush();
        if (turn % 4 === 0) await one.stepDown();
        if (turn % 5 === 0) await one.close();
        else await one.resign();
      }
      await flush();
      expect(clock.timers).toBe(before);
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    });
  },
);
