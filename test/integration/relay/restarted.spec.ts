import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { onFreePorts, startPostgres, temporaryFolder } from '#local-stack';
import { silent } from '../postgres/fresh-database.js';
import { RelayScene, TTL_MS } from './relays.js';
import { type StagedRelay, stagedRelay } from './staged-relay.js';

const RESTARTS = 4;
const CHANGES = 500;
const RUN_MS = 120_000;

/** A server of this test alone, which keeps what it has answered as committed. */
type Server = Awaited<ReturnType<typeof startPostgres>>;
let start: () => Promise<Server>;
let postgres: Server;
let scene: RelayScene;
let relay: StagedRelay;

beforeAll(async () => {
  const folder = temporaryFolder();
  postgres = await onFreePorts(1, async ([port = 0]) => {
    start = () =>
      startPostgres({ port, dataFolder: `${folder}/data-${port}`, logFolder: folder, password: 'secret' });
    return start();
  });
  scene = await RelayScene.start(postgres.url);
  const options = { ...scene.options('restarted'), logger: silent, ttlMs: TTL_MS };
  relay = stagedRelay(options);
}, 60_000);
afterAll(async () => {
  await relay.close();
  await scene.close();
  await postgres.stop();
}, 60_000);

describe('the relay', () => {
  it(
    'whose Postgres crashes and restarts in the midst of 500 changes brings every one, once and in order',
    async () => {
      for (let restart = 0; restart < RESTARTS; restart += 1) {
        const changes = scene.changes(CHANGES / RESTARTS);
        // Immediate: sessions are cut, nothing is flushed, the next start recovers from the log.
        postgres.process.signal(restart % 2 === 0 ? 'SIGQUIT' : 'SIGINT');
        await postgres.process.exited;
        // Elections go on meanwhile.
        await changes;
        postgres = await start();
      }
      await scene.drained();
      expect(scene.told.length).toBeGreaterThanOrEqual(CHANGES);
      expect(await scene.recorded()).toEqual(scene.truth);
      expect(await scene.repeated()).toEqual([]);
    },
    RUN_MS,
  );
});
