import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { OwnedProcess, temporaryFolder } from '#testing';
import { Service } from '../service.js';
import { Worker } from '../worker.js';

/** As docs/operations.md says: the service's login owns nothing and may only become the two roles. */
const LOGIN = `incumbent_app_${randomBytes(4).toString('hex')}`;
const PASSWORD = randomBytes(12).toString('hex');

let owner: Service;
let url: string;

const asOwner = async (statement: string): Promise<unknown[]> => {
  const connection = new pg.Client({ connectionString: owner.settings['DATABASE_URL'] });
  await connection.connect();
  try {
    return (await connection.query<object>(statement)).rows;
  } finally {
    await connection.end();
  }
};

beforeAll(async () => {
  owner = await Service.start();
  await asOwner(`CREATE ROLE ${LOGIN} LOGIN NOINHERIT PASSWORD '${PASSWORD}'`);
  await asOwner(`GRANT incumbent_service, incumbent_tenant TO ${LOGIN}`);
  const own = { username: LOGIN, password: PASSWORD };
  url = Object.assign(new URL(owner.settings['DATABASE_URL'] ?? ''), own).href;
}, 60_000);

afterAll(async () => {
  await owner?.stop();
  await asOwner(`DROP ROLE ${LOGIN}`);
});

async function migrate(settings: Record<string, string>): Promise<{ code: number | null; log: string }> {
  const migration = await OwnedProcess.launch({
    name: 'migrate',
    command: process.execPath,
    args: ['dist/libs/postgres/src/migrate.js'],
    env: { PATH: process.env['PATH'] ?? '', ...settings },
    cwd: process.cwd(),
    logFile: `${temporaryFolder()}/migrate.log`,
  });
  const { code } = await migration.exited;
  return { code, log: migration.lastLines() };
}

describe('a login that owns no table', () => {
  it('is all that the API and the worker need', async () => {
    const service = await Service.start({ beside: owner, settings: { DATABASE_URL: url } });
    const worker = await Worker.start(service);
    try {
      const { id, caller } = await service.tenant();
      const election = await caller.election();
      expect((await caller.campaign(election, { candidate: 'one' })).body['state']).toBe('leader');
      expect((await caller.get('/v1/audit-events')).status).toBe(200);
      expect((await service.operator.get(`/admin/v1/tenants/${id}/export`)).status).toBe(200);
      expect((await service.operator.get('/admin/v1/cluster')).body['postgres']).toMatchObject({
        state: 'up',
      });
    } finally {
      await worker.stop();
      await service.stop();
    }
  }, 40_000);

  it('cannot migrate, change a table or switch row security off; MIGRATIONS_DATABASE_URL names who can', async () => {
    const refused = await migrate({ DATABASE_URL: url });
    expect([refused.code, refused.log]).toEqual([1, expect.stringMatching(/permission denied/)]);
    const connection = new pg.Client({ connectionString: url });
    await connection.connect();
    try {
      for (const statement of [
        'ALTER TABLE tenants ADD COLUMN x text',
        'ALTER TABLE api_keys DISABLE ROW LEVEL SECURITY',
        'SELECT 1 FROM tenants',
        'SET ROLE incumbent_service; DROP TABLE tenants',
      ])
        await expect(connection.query(statement)).rejects.toThrow(/permission denied|must be owner/);
    } finally {
      await connection.end();
    }
    const migrationsUrl = owner.settings['DATABASE_URL'] ?? '';
    const done = await migrate({ DATABASE_URL: url, MIGRATIONS_DATABASE_URL: migrationsUrl });
    expect([done.code, done.log]).toEqual([0, expect.stringContaining('schema is up to date')]);
  }, 30_000);
});
