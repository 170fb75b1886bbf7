import type { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { AuditEvent, AuditReader } from '#audit';
import type { Act, Caused } from '#core';
import type { Database } from '#postgres';
import { FakeClock } from '#testing';
import { Drain } from '../http/drain.js';
import { AuditExport } from './audit-export.js';

const BY: Caused = { actor: { type: 'api_key', id: 'key_1' }, context: {} };
const BATCHES = 100;

/** An export over a chain of a hundred batches, which counts how many were read. */
function scene() {
  const state = { read: 0, recorded: [] as Act[] };
  const reader = {
    hasBegun: async () => true,
    async *export() {
      for (let batch = 0; batch < BATCHES; batch++) {
        state.read += 1;
        yield [{ sequence: batch } as AuditEvent];
      }
    },
  } as unknown as AuditReader;
  const database = {
    forTenant: (_: string, work: (rows: never) => unknown) => work(undefined as never),
  } as unknown as Database;
  const acts = { record: async (_: unknown, given: readonly Act[]) => void state.recorded.push(...given) };
  const clock = new FakeClock();
  const drain = new Drain();
  const exports = new AuditExport(database, acts, reader, drain, clock);
  const begin = async (): Promise<Readable> => (await exports.begin('ten_a', {}, BY)).getStream();
  return { state, clock, drain, begin };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('an export', () => {
  it('is recorded before a line of it leaves, and holds every line', async () => {
    const { state, begin } = scene();
    const stream = await begin();
    expect(state.recorded).toMatchObject([{ tenantId: 'ten_a', action: 'audit_log.exported' }]);
    expect(state.read).toBe(0);
    const chunks: unknown[] = await stream.toArray();
    expect(chunks.join('').split('\n')).toHaveLength(BATCHES + 1);
  });

  it('reads no further than its reader has come', async () => {
    const { state, begin } = scene();
    const stream = await begin();
    stream.on('readable', () => undefined);
    await settled();
    expect(state.read).toBeLessThanOrEqual(2);
    for (let taken = 1; taken <= 10; taken++) {
      while (stream.read() === null) await settled();
      await settled();
      expect(state.read).toBeLessThanOrEqual(taken + 2);
    }
    stream.destroy();
  });

  it('is cut off when its reader stalls, and when the replica stops, and is never ended as if it were whole', async () => {
    for (const how of ['stall', 'stop'] as const) {
      const { clock, drain, begin } = scene();
      const stream = await begin();
      let ended = false;
      stream.on('end', () => (ended = true)).on('error', () => undefined);
      stream.on('readable', () => undefined);
      await settled();
      const closed = new Promise((resolve) => stream.once('close', resolve));
      if (how === 'stall') await clock.advance(30_000);
      else drain.stop();
      await closed;
      expect(ended).toBe(false);
      expect(clock.waiting).toBe(0);
    }
  });

  it('leaves room for others of its chain when it is over, and refuses too many at once', async () => {
    const { begin } = scene();
    const open = await Promise.all([begin(), begin(), begin(), begin()]);
    await expect(begin()).rejects.toMatchObject({ code: 'limit.quota_exceeded' });
    const [first] = open;
    first?.destroy();
    await settled();
    const next = await begin();
    for (const stream of [...open, next]) stream.destroy();
  });
});
