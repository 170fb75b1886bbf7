import { describe, expect, it } from '@jest/globals';
import type { Act } from '#core';
import { createLogger } from '#telemetry';
import { FakeClock } from '#testing';
import { type Denial, DeniedAttempts } from './denied-attempts.js';

const silent = createLogger({ service: 'test', level: 'silent' });

function scene() {
  const recorded: Act[][] = [];
  const clock = new FakeClock();
  const state = { away: false };
  const write = async (acts: readonly Act[]): Promise<void> => {
    if (state.away) throw new Error('away');
    recorded.push([...acts]);
  };
  return { recorded, clock, state, attempts: new DeniedAttempts(write, silent, clock) };
}

function aDenial(own: Partial<Denial> = {}): Denial {
  return {
    tenantId: 'ten_a',
    actor: { type: 'api_key', id: 'key_1' },
    targets: [{ type: 'api_key', id: 'key_1' }],
    source: 'key_1',
    code: 'identity.scope_missing',
    operation: 'listElections',
    context: { requestId: 'req_first' },
    ...own,
  };
}

describe('denied attempts', () => {
  it('of one key with one code are one event a minute, with a count and the calls that were tried', async () => {
    const { recorded, clock, attempts } = scene();
    attempts.start();
    for (let at = 0; at < 1_000; at++) attempts.noticed(aDenial({ context: { requestId: `req_${at}` } }));
    attempts.noticed(aDenial({ operation: 'createElection' }));
    expect(recorded).toEqual([]);
    await clock.advance(60_000);
    const [act] = recorded.flat();
    expect(recorded.flat()).toHaveLength(1);
    expect(act).toMatchObject({
      tenantId: 'ten_a',
      action: 'access.denied',
      actor: { id: 'key_1' },
      context: { requestId: 'req_0' },
      metadata: {
        code: 'identity.scope_missing',
        count: 1_001,
        operations: { listElections: 1_000, createElection: 1 },
      },
    });
    attempts.noticed(aDenial());
    await clock.advance(60_000);
    expect(recorded.flat()).toHaveLength(2);
  });

  it('of other keys, codes and chains are events of their own', async () => {
    const { recorded, attempts } = scene();
    attempts.noticed(aDenial());
    attempts.noticed(aDenial({ code: 'tenant.suspended' }));
    attempts.noticed(aDenial({ source: 'key_2', actor: { type: 'api_key', id: 'key_2' } }));
    attempts.noticed(
      aDenial({ tenantId: null, source: '192.0.2.1', actor: { type: 'admin_token', id: 'unknown' } }),
    );
    await attempts.flush();
    expect(recorded.flat().map(({ tenantId, actor }) => [tenantId, actor.id])).toEqual([
      ['ten_a', 'key_1'],
      ['ten_a', 'key_1'],
      ['ten_a', 'key_2'],
      [null, 'unknown'],
    ]);
  });

  it('from a flood of addresses take bounded memory and one event for all beyond', async () => {
    const { recorded, attempts } = scene();
    for (let at = 0; at < 5_000; at++) attempts.noticed(aDenial({ tenantId: null, source: `address ${at}` }));
    await attempts.flush();
    expect(recorded.flat()).toHaveLength(1_001);
    expect(recorded.flat().at(-1)).toMatchObject({ tenantId: null, metadata: { count: 4_000 } });
    for (const batch of recorded) expect(batch.length).toBeLessThanOrEqual(100);
  });

  it('wait for a database that is away, under the same ids, and never more than a bound', async () => {
    const { recorded, state, attempts } = scene();
    state.away = true;
    attempts.noticed(aDenial());
    await attempts.flush();
    for (let window = 0; window < 8; window++) {
      for (let at = 0; at < 1_000; at++) attempts.noticed(aDenial({ source: `${window} ${at}` }));
      await attempts.flush();
    }
    state.away = false;
    await attempts.flush();
    expect(recorded.flat()).toHaveLength(5_000);
    expect(new Set(recorded.flat().map(({ id }) => id)).size).toBe(5_000);
  });

  it('are written down when the process ends, which does not wait for ever', async () => {
    const { recorded, attempts } = scene();
    attempts.start();
    attempts.noticed(aDenial());
    await attempts.close();
    expect(recorded.flat()).toHaveLength(1);
    const clock = new FakeClock();
    const stuck = new DeniedAttempts(() => new Promise(() => undefined), silent, clock);
    stuck.noticed(aDenial());
    const closing = stuck.close();
    await clock.advance(2_000);
    await closing;
  });
});
