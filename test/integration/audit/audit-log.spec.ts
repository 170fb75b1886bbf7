import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Scene, anAct, newScene } from './scene.js';

interface Row {
  sequence: string;
  id: string;
  canonical: string;
  previous_hash: string;
  hash: string;
}

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
});
afterAll(() => scene.end());

const chain = (tenantId: string): Promise<Row[]> =>
  scene.fresh.ask<Row>('SELECT * FROM audit_events WHERE tenant_id = $1 ORDER BY sequence', [tenantId]);
const headOf = (tenantId: string): Promise<{ sequence: string; hash: string }[]> =>
  scene.fresh.ask('SELECT sequence, hash FROM audit_chains WHERE tenant_id = $1', [tenantId]);
const numbersOf = (rows: Row[]): number[] => rows.map(({ sequence }) => Number(sequence));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

describe('the audit log', () => {
  it('hashes each event onto the one before, as the documentation says', async () => {
    await scene.record(anAct('ten_hash'), anAct('ten_hash'), anAct('ten_hash'));
    let previous = '0'.repeat(64);
    const rows = await chain('ten_hash');
    expect(numbersOf(rows)).toEqual([1, 2, 3]);
    for (const row of rows) {
      const bytes = Buffer.concat([Buffer.from(previous, 'hex'), Buffer.from(row.canonical, 'utf8')]);
      expect(row.previous_hash).toBe(previous);
      expect(row.hash).toBe(createHash('sha256').update(bytes).digest('hex'));
      previous = row.hash;
    }
    expect(await headOf('ten_hash')).toEqual([{ sequence: '3', hash: previous }]);
  });

  it('numbers the acts of one tenant densely, however many record at once', async () => {
    const acts = Array.from({ length: 60 }, () => anAct('ten_race'));
    await Promise.all(acts.map((act) => scene.record(act)));
    const rows = await chain('ten_race');
    expect(numbersOf(rows)).toEqual(upTo(60));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(60);
    rows.reduce((before, row) => (expect(row.previous_hash).toBe(before.hash), row));
  });

  it('never deadlocks where transactions record for the same tenants in other orders', async () => {
    const pairs = Array.from({ length: 40 }, (_, at) => [anAct(`ten_x${at % 3}`), anAct(`ten_y${at % 2}`)]);
    await Promise.all(pairs.map((pair, at) => scene.record(...(at % 2 === 0 ? pair : pair.toReversed()))));
    const rows = await Promise.all(['ten_x0', 'ten_x1', 'ten_x2', 'ten_y0', 'ten_y1'].map(chain));
    expect(rows.map((of) => of.length)).toEqual([14, 13, 13, 20, 20]);
    for (const of of rows) expect(numbersOf(of)).toEqual(upTo(of.length));
  });

  it('records an act once, however often it is told: in one batch, later, and at the same moment', async () => {
    const act = anAct('ten_twice');
    await scene.record(act, act);
    await scene.record(act, anAct('ten_twice'));
    await Promise.all([scene.record(act), scene.record(act)]);
    expect(numbersOf(await chain('ten_twice'))).toEqual([1, 2]);
  });

  it('forgets an act whose effect was rolled back', async () => {
    const work = scene.database.transaction(async (rows) => {
      await scene.log.record(rows, [anAct('ten_back')]);
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    await scene.record(anAct('ten_back'));
    expect(numbersOf(await chain('ten_back'))).toEqual([1]);
  });

  it('records for a tenant as that tenant, and refuses what is not its own', async () => {
    const { database, log } = scene;
    await database.forTenant('ten_own', (rows) => log.record(rows, [anAct('ten_own'), anAct('ten_own')]));
    expect(numbersOf(await chain('ten_own'))).toEqual([1, 2]);
    for (const other of ['ten_other', null]) {
      const work = database.forTenant('ten_own', (rows) => log.record(rows, [anAct(other)]));
      await expect(work).rejects.toThrow(/row-level security/);
    }
    expect(await chain('ten_other')).toEqual([]);
    expect(await chain('platform')).toEqual([]);
  });

  it('puts what concerns no tenant on the chain of the platform', async () => {
    await scene.record(anAct(null, { action: 'admin_token.created' }));
    const [row] = await chain('platform');
    expect(JSON.parse(row?.canonical ?? '')).toMatchObject({
      tenant: 'platform',
      action: 'admin_token.created',
    });
  });

  it('shows a tenant what an operator did, not where the operator sits', async () => {
    const actor = { type: 'admin_token', id: 'adm_1', name: 'oncall' } as const;
    await scene.record(anAct('ten_seen', { actor }), anAct('ten_seen'));
    const told = (await chain('ten_seen')).map((row) => JSON.parse(row.canonical) as { context: object });
    expect(told[0]).toMatchObject({
      actor,
      context: { requestId: expect.stringMatching(/^req_/) as unknown },
    });
    expect(Object.keys(told[0]?.context ?? {})).toEqual(['requestId']);
    expect(Object.keys(told[1]?.context ?? {})).toEqual(['ip', 'requestId', 'userAgent']);
  });

  it('takes in what a hostile name holds', async () => {
    const name = 'a\ud800\0\u2028"\\';
    const target = { type: 'api_key', id: 'key_hostile', name } as const;
    await scene.record(
      anAct('ten_odd', { targets: [target], metadata: { [name]: [name, Number.NaN, undefined] } }),
    );
    expect(await chain('ten_odd')).toHaveLength(1);
  });
});
