import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LANES } from '#election';
import { type EtcdHandle, startPrivateEtcd, waitUntil } from '#testing';
import { base64, gateway, openStore, putting, within } from './fixture.js';

const HURRY = { compact: 50, measure: 50 };

describe('upkeep', () => {
  let etcd: EtcdHandle;
  let url: string;
  beforeAll(async () => {
    etcd = await startPrivateEtcd();
    url = etcd.urls[0] ?? '';
  }, 60_000);
  afterAll(async () => etcd.stop());

  /** Whether etcd still knows this revision. */
  const remembers = (revision: number): Promise<boolean> =>
    gateway(url, 'kv/range', { key: 'YQ==', revision }).then(
      () => true,
      (error: Error) => {
        if (error.message.includes('compacted')) return false;
        throw error;
      },
    );

  /**
   * The size of the database in use, once it stands still. etcd writes what it holds back every 100 ms, and gives
   * pages free only with the write after.
   */
  async function settledSize(): Promise<number> {
    const sizes: number[] = [];
    return waitUntil(
      async () => {
        await gateway(url, 'kv/put', { key: base64('nudge'), value: base64('x') });
        const { dbSizeInUse } = await gateway(url, 'maintenance/status', {});
        sizes.push(Number(dbSizeInUse));
        const last = sizes.slice(-5);
        return last.length === 5 && Math.max(...last) < Math.min(...last) * 1.005 && last[4];
      },
      { what: 'the database to settle', everyMs: 120, withinMs: 10_000 },
    );
  }

  it('compacts history only while this process is the housekeeper, and keeps the last round of it', async () => {
    let elected = false;
    let rounds = 0;
    const isHousekeeper = (): boolean => {
      rounds += 1;
      return elected;
    };
    const store = await openStore(etcd.urls, { isHousekeeper, upkeepMs: HURRY });
    const write = async (): Promise<number> => {
      const outcome = await store.commit(putting('key', 'x'), within(5_000));
      if (outcome.kind !== 'committed') throw new Error('The write did not commit.');
      return outcome.revision;
    };
    const old = await write();
    await write();
    await waitUntil(() => rounds > 3, { what: 'rounds without a mandate' });
    expect(await remembers(old)).toBe(true);
    elected = true;
    await waitUntil(
      async () => {
        const newest = await write();
        expect(await remembers(newest)).toBe(true);
        return !(await remembers(old));
      },
      { what: 'old history to be compacted', everyMs: 30 },
    );
    await store.close();
  });

  it('sheds the least important lanes first as the database grows, and says that nothing was executed', async () => {
    const filler = await openStore(etcd.urls);
    // Enough that a page more or less does not matter.
    for (let i = 0; i < 16; i += 1)
      await filler.commit(putting(`fill/${i}`, 'x'.repeat(250_000)), within(5_000));
    await filler.close();
    const bytes = await settledSize();
    const served = async (fraction: number): Promise<string[]> => {
      let measured = false;
      const store = await openStore(etcd.urls, {
        databaseLimitBytes: bytes / fraction,
        upkeepMs: { ...HURRY, measure: 60_000 },
        meter: { databaseSize: () => (measured = true) },
      });
      await waitUntil(() => measured, { what: 'the size of the database' });
      const lanes: string[] = [];
      for (const lane of LANES) {
        const outcome = await store.read([], within(5_000, lane)).then(
          () => lane,
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'store.overloaded', extras: { executed: false } });
            return undefined;
          },
        );
        if (outcome !== undefined) lanes.push(outcome);
      }
      await store.close();
      return lanes;
    };
    expect(await served(0.5)).toEqual(['renew', 'resign', 'observe', 'campaign', 'admin']);
    expect(await served(0.75)).toEqual(['renew', 'resign', 'observe', 'campaign']);
    expect(await served(0.82)).toEqual(['renew', 'resign', 'observe']);
    expect(await served(0.9)).toEqual(['renew', 'resign']);
    expect(await served(0.95)).toEqual(['renew']);
    expect(await served(0.99)).toEqual([]);
  }, 30_000);

  it('warns of an etcd release with known bugs', async () => {
    const { version } = (await gateway(url, 'maintenance/status', {})) as { version: string };
    const lines: string[] = [];
    const store = await openStore(etcd.urls, { log: (_, message) => lines.push(message) });
    const warned = (): boolean => lines.some((line) => line.includes('known bugs'));
    const old = /^3\.([0-4]\.|5\.([0-9]|[12][0-9]|3[0-2])$|6\.([0-9]|1[0-3])$)/.test(version);
    if (old) await waitUntil(warned, { what: 'the warning' });
    await store.ping();
    expect(warned()).toBe(old);
    await store.close();
  });
});
