import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { temporaryFolder } from '#testing';
import { Service, type Tenant } from '../service.js';

/** Each run of the command is a process that starts from nothing, on a machine that is busy. */
jest.setTimeout(60_000);

let service: Service;
let tenant: Tenant;

beforeAll(async () => {
  service = await Service.start();
  tenant = await service.tenant();
}, 60_000);

afterAll(() => service?.stop());

interface Ended {
  code: number;
  output: string;
  errors: string;
}

/** The command beside a running service, with the settings of that service. */
function incumbent(words: string[], settings: Record<string, string> = {}): Promise<Ended> {
  const { PATH = '', DATABASE_URL = '', ADMIN_TOKEN = '' } = service.settings;
  const env = { PATH, DATABASE_URL, ADMIN_TOKEN, PUBLIC_URL: service.url, ...settings };
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

describe('the incumbent command', () => {
  it('lists tenants, for people and for programs', async () => {
    const people = await incumbent(['admin', 'tenants', 'list']);
    expect([people.code, people.output]).toEqual([0, expect.stringContaining(tenant.id)]);
    const programs = await incumbent(['admin', 'tenants', 'list', '--json', '--search', tenant.id]);
    expect(JSON.parse(programs.output)).toMatchObject([{ id: tenant.id, status: 'active' }]);
  });

  it('writes no control characters of others to a terminal', async () => {
    const name = 'harmless\u001b[2Jgone\u009b31m\r';
    const { body } = await service.operator.post('/admin/v1/tenants', { name: `${name}.` });
    const { output } = await incumbent(['admin', 'tenants', 'list', '--search', String(body['id'])]);
    expect(output).toContain('harmless\ufffd[2Jgone\ufffd31m\ufffd.');
    const refused = await incumbent(['admin', `\u001b[2J`]);
    expect(refused.errors).not.toContain('\u001b');
  });

  it('shows the cluster', async () => {
    const { code, output } = await incumbent(['admin', 'cluster', '--json']);
    expect(code).toBe(0);
    const { body } = await service.operator.get('/admin/v1/cluster');
    expect(Object.keys(JSON.parse(output) as object)).toEqual(Object.keys(body));
    expect((await incumbent(['admin', 'cluster'])).output).toContain('etcd');
  });

  it('keeps a checkpoint, and verifies every chain of the running service with it and the published keys', async () => {
    const checkpoint = await incumbent(['admin', 'audit', 'checkpoint', '--tenant', tenant.id]);
    expect([checkpoint.code, checkpoint.output]).toEqual([
      0,
      expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/),
    ]);
    const file = `${temporaryFolder()}/checkpoint`;
    await writeFile(file, checkpoint.output);
    await tenant.caller.post('/v1/api-keys', { name: 'later', scopes: ['audit:read'] });
    const jwks = `${service.url}/.well-known/jwks.json`;
    const { code, output } = await incumbent([
      'admin',
      'audit',
      'verify',
      '--checkpoint',
      file,
      '--jwks',
      jwks,
      '--json',
    ]);
    expect(code).toBe(0);
    const { chains, wrong } = JSON.parse(output) as { chains: { tenantId: string }[]; wrong: number };
    expect(wrong).toBe(0);
    expect(chains.find(({ tenantId }) => tenantId === tenant.id)).toMatchObject({
      events: 3,
      checkpoints: 1,
    });
  });

  it('tells by its exit code who was at fault: the caller, or the service', async () => {
    const refused = await incumbent(['admin', 'tenants', 'list'], { ADMIN_TOKEN: 'x'.repeat(32) });
    expect([refused.code, refused.errors]).toEqual([3, expect.stringContaining('identity.unauthenticated')]);
    expect(refused.errors).not.toContain('xxxx');
    const away = await incumbent(['admin', 'cluster', '--url', 'http://127.0.0.1:1']);
    expect([away.code, away.errors]).toEqual([3, expect.stringContaining('does not answer')]);
    const missing = await incumbent(['admin', 'cluster'], { ADMIN_TOKEN: '' });
    expect([missing.code, missing.errors]).toEqual([2, expect.stringContaining('ADMIN_TOKEN')]);
  });
});
