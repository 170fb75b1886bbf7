import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type OwnedProcess, waitUntil } from '#testing';
import type { Fate } from './relay-process.js';
import { RelayScene } from './relays.js';
import { STAGES } from './staged-relay.js';

const KILLS = 20;
const CHANGES = 500;
/** Each killed relay costs its TTL, and the machine the start of another. */
const RUN_MS = 240_000;

let scene: RelayScene;
beforeAll(async () => {
  scene = await RelayScene.start();
}, 60_000);
afterAll(async () => scene.close());

/** The same points in every run: small numbers from a seed (Park and Miller). */
function fates(seed: number): Fate[] {
  let state = seed;
  const next = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  return Array.from({ length: KILLS }, (_, index) => ({
    signal: 'SIGKILL',
    stage: STAGES[index % STAGES.length] ?? 'listed',
    nth: 1 + next(6),
  }));
}

/** Makes changes until the relay stands still. */
async function freezing(relay: OwnedProcess): Promise<void> {
  let still = false;
  const looking = waitUntil(async () => (still = await isStill(relay)), {
    what: `${relay.name} to stand still`,
    withinMs: 30_000,
  });
  await scene.changesUntil(() => still, `${relay.name} to stand still`);
  await looking;
}

async function isStill({ pid }: OwnedProcess): Promise<boolean> {
  return /\) T /.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
}

describe('the relay', () => {
  it(
    'killed at 20 points of a run of 500 changes leaves a history that is complete, in order and without repeats',
    async () => {
      let heir = await scene.relay('relay-0', fates(7)[0]);
      for (const [index] of fates(7).entries()) {
        const relay = heir;
        // The next one stands by already, so that only the dead one's TTL passes.
        heir = await scene.relay(`relay-${index + 1}`, fates(7)[index + 1]);
        await scene.changes(CHANGES / KILLS - 1);
        await scene.changesUntil(() => !relay.running, `${relay.name} to be killed`);
        expect(await relay.exited).toEqual({ code: null, signal: 'SIGKILL' });
      }
      await scene.drained();
      expect(scene.told.length).toBeGreaterThanOrEqual(CHANGES);
      expect(await scene.recorded()).toEqual(scene.truth);
      expect(await scene.repeated()).toEqual([]);
      await heir.kill();
    },
    RUN_MS,
  );

  it('that stood still with a batch in its hands writes nothing once its successor has', async () => {
    const sleeper = await scene.relay('sleeper', { signal: 'SIGSTOP', stage: 'listed', nth: 3 });
    await freezing(sleeper);
    const before = await scene.broughtBy('sleeper');
    const successor = await scene.relay('successor');
    await scene.drained();
    sleeper.resume();
    await waitUntil(() => scene.logOf(sleeper).includes('another relay has gone on'), {
      what: 'the sleeper to find out',
    });
    expect(await scene.broughtBy('sleeper')).toBe(before);
    expect(await scene.broughtBy('successor')).toBeGreaterThan(0);
    expect(await scene.repeated()).toEqual([]);
    expect(await scene.recorded()).toEqual(scene.truth);
    await Promise.all([sleeper.kill(), successor.kill()]);
  }, 90_000);

  it('that stands still inside its transaction holds its successor up no longer than its own timeout', async () => {
    const sleeper = await scene.relay('mid-transaction', { signal: 'SIGSTOP', stage: 'written', nth: 2 });
    await freezing(sleeper);
    expect(await idleInTransaction(sleeper.name)).toBe(1);
    const before = await scene.broughtBy(sleeper.name);
    const successor = await scene.relay('heir');
    await scene.drained();
    expect(await isStill(sleeper)).toBe(true);
    expect(await idleInTransaction(sleeper.name)).toBe(0);
    expect(await scene.recorded()).toEqual(scene.truth);
    sleeper.resume();
    await waitUntil(() => /another relay has gone on|was not emptied/.test(scene.logOf(sleeper)), {
      what: 'the sleeper to find out',
    });
    expect(await scene.broughtBy(sleeper.name)).toBe(before);
    expect(await scene.repeated()).toEqual([]);
    await Promise.all([sleeper.kill(), successor.kill()]);
  }, 90_000);
});

async function idleInTransaction(name: string): Promise<number> {
  const [row] = await scene.fresh.ask<{ idle: number }>(
    `SELECT count(*)::int AS idle FROM pg_stat_activity
      WHERE application_name = $1 AND state = 'idle in transaction'`,
    [name],
  );
  return row?.idle ?? 0;
}
