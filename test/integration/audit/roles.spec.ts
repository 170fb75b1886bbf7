import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditRetention } from '#audit';
import { systemClock } from '#core';
import { type Scene, anAct, newScene, asSuperuser } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await newScene();
  await scene.record(...Array.from({ length: 5 }, () => anAct('ten_a')), anAct('ten_b'), anAct(null));
});
afterAll(() => scene.end());

const asService = (statement: string): Promise<unknown> =>
  scene.database.run((rows) => rows.query(statement));
const asTenant = (statement: string): Promise<unknown> =>
  scene.database.forTenant('ten_a', (rows) => rows.query(statement));
const rowsOf = async (table: string): Promise<number> =>
  (await scene.fresh.ask(`SELECT 1 FROM ${table}`)).length;

const CHANGES = [
  "UPDATE audit_events SET action = 'nothing.done'",
  'DELETE FROM audit_events',
  'TRUNCATE audit_events',
  'DELETE FROM audit_chains',
  'TRUNCATE audit_chains',
  'UPDATE audit_cuts SET sequence = 1',
  "INSERT INTO audit_cuts (tenant_id, sequence, hash) VALUES ('ten_a', 3, '')",
  'DELETE FROM audit_checkpoints',
  "UPDATE audit_checkpoints SET token = ''",
];

describe('the tables of the audit log', () => {
  it.each(CHANGES)('refuse the roles of the service: %s', async (statement) => {
    await expect(asService(statement)).rejects.toThrow(/permission denied/);
    await expect(asTenant(statement)).rejects.toThrow(/permission denied/);
  });

  it.each(CHANGES.filter((change) => !/INSERT|DELETE FROM audit_checkpoints/.test(change)))(
    'refuse their owner: %s',
    async (statement) => {
      await scene.fresh
        .ask(`INSERT INTO audit_checkpoints (tenant_id, sequence, token) VALUES ('ten_a', 1, 't')
                             ON CONFLICT DO NOTHING`);
      await expect(scene.fresh.ask(statement)).rejects.toThrow(/append-only|only moves forward/);
    },
  );

  it('move a head forward and never back, for anybody', async () => {
    const back = "UPDATE audit_chains SET sequence = 1 WHERE tenant_id = 'ten_a'";
    await expect(asService(back)).rejects.toThrow(/only moves forward/);
    await expect(asTenant(back)).rejects.toThrow(/only moves forward/);
    await expect(scene.fresh.ask(back)).rejects.toThrow(/only moves forward/);
    const begun = "INSERT INTO audit_chains (tenant_id, sequence) VALUES ('ten_new', 7)";
    await expect(scene.fresh.ask(begun)).rejects.toThrow(/only moves forward/);
  });

  it('let no role choose when the database took an event in', async () => {
    const early =
      "INSERT INTO audit_events (tenant_id, sequence, id, action, actor_id, target_ids, occurred_at, recorded_at, canonical, previous_hash, hash) VALUES ('ten_a', 99, 'aud_x', 'a.b', 'k', '{}', now(), '2000-01-01', '', '', '')";
    await expect(asService(early)).rejects.toThrow(/permission denied/);
    await expect(asTenant(early)).rejects.toThrow(/permission denied/);
  });

  it('show a tenant its own chain alone, and let it cut none', async () => {
    for (const table of ['audit_events', 'audit_chains', 'audit_cuts', 'audit_checkpoints']) {
      const strays = await asTenant(`SELECT 1 FROM ${table} WHERE tenant_id <> 'ten_a'`);
      expect(strays).toEqual([]);
    }
    await expect(asTenant("SELECT cut_audit_chain('ten_a', 30, 10)")).rejects.toThrow(/permission denied/);
  });
});

describe('retention', () => {
  const retention = (): AuditRetention => new AuditRetention(scene.database, scene.log, systemClock);
  const age = (tenantId: string, upTo: number): Promise<unknown> =>
    asSuperuser(
      scene.fresh,
      `UPDATE audit_events SET recorded_at = now() - interval '40 days'
        WHERE tenant_id = '${tenantId}' AND sequence <= ${upTo}`,
    );

  it('removes nothing that is younger, and refuses less than 30 days', async () => {
    const before = await rowsOf('audit_events');
    expect(await retention().run(30)).toBe(0);
    expect(await rowsOf('audit_events')).toBe(before);
    await expect(asService("SELECT cut_audit_chain('ten_a', 29, 10)")).rejects.toThrow(/at least 30 days/);
    await expect(asService("SELECT cut_audit_chain('ten_a', NULL, 10)")).rejects.toThrow(/at least 30 days/);
  });

  it('removes a prefix only, tells of it on the chain, and leaves a chain that verifies', async () => {
    await age('ten_a', 2);
    await asSuperuser(
      scene.fresh,
      "UPDATE audit_events SET recorded_at = now() - interval '40 days' WHERE tenant_id = 'ten_a' AND sequence = 4",
    );
    expect(await retention().run(35)).toBe(2);
    const kept = await scene.fresh.ask<{ sequence: string; action: string }>(
      "SELECT sequence, action FROM audit_events WHERE tenant_id = 'ten_a' ORDER BY sequence",
    );
    expect(kept.map(({ sequence }) => Number(sequence))).toEqual([3, 4, 5, 6]);
    expect(kept.at(-1)?.action).toBe('audit_log.cut');
    expect(await scene.verify('ten_a')).toMatchObject({ events: 4, verified: { sequence: 6 } });
    expect((await scene.verify('ten_a')).wrong).toBeUndefined();
  });

  it('may remove everything that a chain had, and cut again later', async () => {
    await age('ten_b', 1);
    expect(await retention().run(30)).toBe(1);
    expect((await scene.verify('ten_b')).wrong).toBeUndefined();
    await scene.record(anAct('ten_b'));
    await age('ten_b', 3);
    expect(await retention().run(30)).toBe(2);
    expect(await scene.verify('ten_b')).toMatchObject({ events: 1, verified: { sequence: 4 } });
    expect((await scene.verify('ten_b')).wrong).toBeUndefined();
  });
});
