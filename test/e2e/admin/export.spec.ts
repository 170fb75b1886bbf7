import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '#testing';
import { Service } from '../service.js';
import { Worker } from '../worker.js';

let service: Service;
let worker: Worker;

beforeAll(async () => {
  service = await Service.start({ settings: { TENANT_GRACE_DAYS: '0', RETENTION_EVERY_MINUTES: '0.01' } });
  worker = await Worker.start(service);
}, 60_000);

afterAll(async () => {
  await worker?.stop();
  await service?.stop();
});

interface Row {
  type: string;
  data: Record<string, unknown>;
}

async function exported(tenantId: string): Promise<Row[]> {
  const { status, headers, text } = await service.operator.get(`/admin/v1/tenants/${tenantId}/export`);
  expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
}

describe('the export of a tenant', () => {
  it('holds its elections, keys without secrets, history and record, and ends with a count', async () => {
    const { id, caller } = await service.tenant();
    const other = await service.tenant();
    await other.caller.election({ name: 'of-another' });
    const election = await caller.election({ description: 'mine' });
    const { body } = await caller.campaign(election, { candidate: 'one' });
    await caller.resign(election, body);
    const rows = await waitUntil(
      async () => {
        const found = await exported(id);
        return found.some(({ type, data }) => type === 'term' && data['endedAt'] !== undefined) && found;
      },
      { what: 'the term to be recorded', withinMs: 15_000 },
    );
    expect(rows[0]).toMatchObject({ type: 'tenant', data: { id } });
    const of = (type: string) => rows.filter((row) => row.type === type).map((row) => row.data);
    expect(of('election')).toEqual([expect.objectContaining({ name: election })]);
    expect(of('api_key')).toEqual([expect.objectContaining({ name: 'test' })]);
    expect(of('term')).toEqual([expect.objectContaining({ name: election, term: 1, reason: 'resigned' })]);
    expect(of('audit_event').length).toBeGreaterThan(1);
    expect(rows.at(-1)).toEqual({ type: 'end', data: { rows: rows.length - 2 } });
    const text = JSON.stringify(rows);
    expect(text).not.toContain('of-another');
    expect(text).not.toContain(String(caller.key).slice(-30));
  }, 30_000);

  it('of no tenant is a 404, and of a tenant in deletion is given until it is purged', async () => {
    const absent = await service.operator.get('/admin/v1/tenants/ten_000000000000000000000000/export');
    expect([absent.status, absent.body['code']]).toEqual([404, 'tenant.not_found']);
    const { id } = await service.tenant();
    await service.operator.delete(`/admin/v1/tenants/${id}`);
    const path = `/admin/v1/tenants/${id}`;
    await waitUntil(async () => (await service.operator.get(path)).status === 404, {
      what: 'the tenant to be purged',
      withinMs: 15_000,
    });
    expect((await service.operator.get(`${path}/export`)).status).toBe(404);
    const restored = await service.operator.post(`${path}/restore`, undefined);
    expect([restored.status, restored.body['code']]).toEqual([404, 'tenant.not_found']);
    const recorded = async (): Promise<boolean> => {
      const { body } = await service.operator.get('/admin/v1/audit-events?limit=100&action=tenant.purged');
      return (body['data'] as { targets: { id: string }[] }[]).some(({ targets }) => targets[0]?.id === id);
    };
    await waitUntil(recorded, { what: 'the purge to be on record', withinMs: 15_000 });
  }, 30_000);
});
