import { crc32 } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { Service } from '../service.js';

interface Denied {
  actor: { id: string };
  context: Record<string, string>;
  metadata: { code: string; count: number; operations: Record<string, number> };
}

/** A window is a minute long; what was noticed in it is written down when the replica stops. */
it('denied attempts are on record, one event per key and code however many there were, and none of unknown keys', async () => {
  const service = await Service.start();
  const tenant = await service.tenant();
  const reader = await service.key(tenant.id, { scopes: ['elections:read'] });
  for (let at = 0; at < 25; at++) await reader.caller.get('/v1/api-keys');
  const wrongSecret = withChecksum(`${String(reader.caller.key).slice(0, -38)}${'0'.repeat(32)}`);
  for (let at = 0; at < 3; at++)
    expect((await reader.caller.with({ key: wrongSecret }).get('/v1/elections')).status).toBe(401);
  for (let at = 0; at < 4; at++) await service.operator.with({ key: 'wrong' }).get('/admin/v1/tenants');
  await service.stranger.get('/v1/elections');
  await service.stop();
  const again = await Service.start({ beside: service });
  try {
    const caller = tenant.caller.with({ url: again.url });
    const { body } = await caller.get('/v1/audit-events?action=access.denied&order=oldest');
    const denied = body['data'] as Denied[];
    expect(denied.map(({ metadata }) => [metadata.code, metadata.count])).toEqual([
      ['identity.scope_missing', 25],
      ['identity.unauthenticated', 3],
    ]);
    for (const { actor } of denied) expect(actor.id).toBe(reader.keyId);
    expect(denied[0]?.metadata.operations).toEqual({ listApiKeys: 25 });
    expect(denied[0]?.context['ip']).toMatch(/127\.0\.0\.1/);
    const platform = await again.operator.get('/admin/v1/audit-events?action=access.denied');
    const [attempt] = platform.body['data'] as Denied[];
    expect(attempt).toMatchObject({
      actor: { type: 'admin_token', id: 'unknown' },
      metadata: { code: 'identity.unauthenticated', count: 4 },
    });
    expect(platform.body['data']).toHaveLength(1);
  } finally {
    await again.stop();
  }
}, 90_000);

/** The key's text with the checksum that belongs to it: what a guess of the secret looks like. */
function withChecksum(body: string): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let text = '';
  for (let rest = crc32(body); text.length < 6; rest = Math.floor(rest / 62))
    text = digits.charAt(rest % 62) + text;
  return body + text;
}
