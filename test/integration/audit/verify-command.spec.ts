import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AuditCheckpoints } from '#audit';
import { systemClock } from '#core';
import { ClaimsSigner, FENCING_ENTITIES, KeyRing, KeySealer, SigningKeyStore } from '#fencing';
import { temporaryFolder } from '#testing';
import { silent } from '../postgres/fresh-database.js';
import { type Scene, anAct, asSuperuser, newScene } from './scene.js';

/** Each run of the command is a process that starts from nothing, on a machine that is busy. */
jest.setTimeout(60_000);

let scene: Scene;
let checkpoints: AuditCheckpoints;
let keys: KeyRing;

beforeAll(async () => {
  scene = await newScene(FENCING_ENTITIES);
  const options = { algorithm: 'ES256', tokenLifetimeMs: 60_000 } as const;
  keys = new KeyRing(
    new SigningKeyStore(scene.database),
    new KeySealer('7a'.repeat(32)),
    options,
    silent,
    systemClock,
  );
  await keys.load();
  checkpoints = new AuditCheckpoints(scene.database, new ClaimsSigner(keys), systemClock);
});
afterAll(async () => {
  await keys.close();
  await scene.end();
});

interface Ended {
  code: number;
  output: string;
  errors: string;
}

/** The command, as a process of its own. */
function incumbent(...words: string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: scene.fresh.url };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['dist/apps/cli/src/main.js', ...words],
      { env, timeout: 30_000 },
      (error, output, errors) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, output, errors }),
    );
  });
}

/** A chain of ten events of its own, and what the command says of it once `statement` has been run by a superuser. */
async function tampered(tenantId: string, statement: string): Promise<Ended & { wrong: unknown }> {
  await scene.record(...Array.from({ length: 10 }, () => anAct(tenantId)));
  const sound = await incumbent('admin', 'audit', 'verify', '--tenant', tenantId);
  expect([sound.code, sound.output]).toEqual([0, expect.stringContaining('10 events')]);
  await asSuperuser(scene.fresh, statement.replaceAll('$t', `tenant_id = '${tenantId}'`));
  const ended = await incumbent('admin', 'audit', 'verify', '--tenant', tenantId, '--json');
  const { chains } = JSON.parse(ended.output) as { chains: { wrong?: unknown }[] };
  return { ...ended, wrong: chains[0]?.wrong };
}

const idAt = async (tenantId: string, sequence: number): Promise<string> => {
  const rows = await scene.fresh.ask<{ id: string }>(
    'SELECT id FROM audit_events WHERE tenant_id = $1 AND sequence = $2',
    [tenantId, sequence],
  );
  return rows[0]?.id ?? '';
};

describe('incumbent admin audit verify', () => {
  it('names a row that a superuser edited', async () => {
    const { code, wrong } = await tampered(
      'ten_edited',
      `UPDATE audit_events SET canonical = replace(canonical, 'key_actor', 'key_other') WHERE $t AND sequence = 5`,
    );
    expect(code).toBe(1);
    expect(wrong).toMatchObject({ kind: 'changed', sequence: 5, id: await idAt('ten_edited', 5) });
  });

  it('names a row that was edited and hashed anew', async () => {
    const { code, wrong } = await tampered(
      'ten_hashed',
      `UPDATE audit_events SET canonical = replace(canonical, '192.0.2.1', '192.0.2.2'),
              hash = encode(sha256(decode(previous_hash, 'hex') ||
                     convert_to(replace(canonical, '192.0.2.1', '192.0.2.2'), 'UTF8')), 'hex')
        WHERE $t AND sequence = 5`,
    );
    expect([code, wrong]).toMatchObject([1, { kind: 'changed', sequence: 5 }]);
  });

  it('names a row that was removed, in the middle and at the end', async () => {
    const middle = await tampered('ten_removed', 'DELETE FROM audit_events WHERE $t AND sequence = 4');
    expect([middle.code, middle.wrong]).toMatchObject([1, { kind: 'removed', sequence: 4 }]);
    const end = await tampered('ten_short', 'DELETE FROM audit_events WHERE $t AND sequence > 8');
    expect([end.code, end.wrong]).toMatchObject([1, { kind: 'removed', sequence: 9 }]);
  });

  it('names rows that changed places', async () => {
    const { code, wrong } = await tampered(
      'ten_moved',
      `UPDATE audit_events SET sequence = -3 WHERE $t AND sequence = 3;
       UPDATE audit_events SET sequence = 3 WHERE $t AND sequence = 7;
       UPDATE audit_events SET sequence = 7 WHERE $t AND sequence = -3`,
    );
    expect([code, wrong]).toMatchObject([1, { kind: 'reordered', sequence: 3 }]);
  });

  it('names a prefix that was removed with a cut that no event tells of', async () => {
    const { code, wrong } = await tampered(
      'ten_cut',
      `INSERT INTO audit_cuts (tenant_id, sequence, hash) SELECT tenant_id, sequence, hash FROM audit_events
        WHERE $t AND sequence = 3;
       DELETE FROM audit_events WHERE $t AND sequence <= 3`,
    );
    expect([code, wrong]).toMatchObject([1, { kind: 'removed', sequence: 3 }]);
  });

  it('finds a chain that was removed altogether, or shortened with its head, by a checkpoint kept elsewhere', async () => {
    const tenantId = 'ten_kept';
    await scene.record(...Array.from({ length: 6 }, () => anAct(tenantId)));
    const file = `${temporaryFolder()}/checkpoint.json`;
    await writeFile(file, JSON.stringify(await checkpoints.current(tenantId)));
    const jwks = `${temporaryFolder()}/jwks.json`;
    await writeFile(jwks, JSON.stringify(keys.jwks()));
    const verify = (): Promise<Ended> =>
      incumbent('admin', 'audit', 'verify', '--tenant', tenantId, '--checkpoint', file, '--jwks', jwks);
    const sound = await verify();
    expect([sound.code, sound.output]).toEqual([0, expect.stringContaining('1 checkpoint agrees')]);
    await asSuperuser(
      scene.fresh,
      `DELETE FROM audit_events WHERE tenant_id = '${tenantId}' AND sequence > 4;
       UPDATE audit_chains SET (sequence, hash) = (SELECT sequence, hash FROM audit_events
         WHERE tenant_id = '${tenantId}' AND sequence = 4) WHERE tenant_id = '${tenantId}'`,
    );
    expect((await incumbent('admin', 'audit', 'verify', '--tenant', tenantId)).code).toBe(0);
    const short = await verify();
    expect([short.code, short.output]).toEqual([1, expect.stringContaining('event 5 removed')]);
    await asSuperuser(
      scene.fresh,
      `DELETE FROM audit_events WHERE tenant_id = '${tenantId}'; DELETE FROM audit_chains WHERE tenant_id = '${tenantId}'`,
    );
    const all = await incumbent('admin', 'audit', 'verify', '--all', '--checkpoint', file, '--json');
    const { chains } = JSON.parse(all.output) as { chains: { tenantId: string; wrong?: object }[] };
    expect(chains.find((chain) => chain.tenantId === tenantId)?.wrong).toMatchObject({
      kind: 'removed',
      sequence: 1,
    });
  });

  it('finds a rewritten history by the checkpoints that are kept beside it', async () => {
    const tenantId = 'ten_rewritten';
    await scene.record(...Array.from({ length: 5 }, () => anAct(tenantId)));
    expect(await checkpoints.storeAll()).toBeGreaterThan(0);
    expect(await checkpoints.storeAll()).toBe(0);
    await scene.record(anAct(tenantId));
    const after = await incumbent('admin', 'audit', 'verify', '--tenant', tenantId);
    expect([after.code, after.output]).toEqual([0, expect.stringContaining('1 checkpoint agrees')]);
    await asSuperuser(
      scene.fresh,
      `DELETE FROM audit_events WHERE tenant_id = '${tenantId}'; DELETE FROM audit_chains WHERE tenant_id = '${tenantId}'`,
    );
    await scene.record(...Array.from({ length: 6 }, () => anAct(tenantId)));
    const rewritten = await incumbent('admin', 'audit', 'verify', '--tenant', tenantId);
    expect([rewritten.code, rewritten.output]).toEqual([1, expect.stringContaining('event 5')]);
  });

  it('says what is wrong with a command, a file and an address, each by its exit code', async () => {
    const file = `${temporaryFolder()}/nonsense`;
    await writeFile(file, 'nonsense');
    const ended = await Promise.all([
      incumbent('admin', 'audit', 'verify', '--checkpoint', file),
      incumbent('admin', 'audit', 'verify', '--checkpoint', '/nowhere'),
      incumbent('admin', 'audit', 'verify', '--jwks', file),
      incumbent('admin', 'audit', 'verify', '--tenant', 'ten_a', '--all'),
      incumbent('admin', 'audit', 'verify', '--frobnicate'),
      incumbent('admin', 'nothing'),
      incumbent('--help'),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([1, 2, 2, 2, 2, 2, 0]);
    for (const { code, output, errors } of ended)
      expect((code === 0 ? output : errors).length).toBeGreaterThan(10);
  });

  it('does not call a record in order that is not there', async () => {
    const ended = await incumbent('admin', 'audit', 'verify', '--tenant', 'ten_mistyped');
    expect([ended.code, ended.output]).toEqual([1, '']);
    expect(ended.errors).toContain('Nothing is on record of ten_mistyped');
  });

  it('verifies a chain that grows meanwhile', async () => {
    const tenantId = 'ten_growing';
    await scene.record(...Array.from({ length: 2_500 }, () => anAct(tenantId)));
    let growing = true;
    const grow = (async () => {
      while (growing) await scene.record(anAct(tenantId));
    })();
    const runs = [];
    for (let run = 0; run < 3; run++) runs.push(await scene.verify(tenantId));
    growing = false;
    await grow;
    for (const { wrong, events } of runs) {
      expect(wrong).toBeUndefined();
      expect(events).toBeGreaterThanOrEqual(2_500);
    }
  });
});
