import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { EventRecord } from '#election';
import { waitUntil } from '#testing';
import { fastify, type FastifyInstance } from 'fastify';
import { EventStream } from './event-stream.js';

let server: FastifyInstance;

afterEach(() => server.close());

/** A stream with a reader behind a real socket. */
async function opened(): Promise<{ stream: EventStream; reader: ReturnType<typeof connect> }> {
  server = fastify({ forceCloseConnections: true });
  const { promise, resolve } = Promise.withResolvers<EventStream>();
  server.get('/', (_request, reply) => {
    const stream = new EventStream(reply, () => true);
    stream.start();
    resolve(stream);
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  const reader = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  reader.on('error', () => undefined);
  reader.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return { stream: await promise, reader };
}

function event(sequence: number, pad = ''): EventRecord {
  const leader = { name: 'one', candidateId: 'cnd_1', address: pad };
  const term = { seat: 0, epoch: 0, term: sequence, fence: sequence, sequence };
  const about = { tenantId: 'ten_1', electionId: 'elc_1', election: 'billing' };
  const type = 'leadership.acquired' as const;
  return {
    id: 'evt_1',
    type,
    ...about,
    ...term,
    leader,
    previousLeader: null,
    occurredAt: '2026-11-21T09:30:00.000Z',
  };
}

describe('an event stream', () => {
  it('cuts off a reader that has fallen behind, instead of keeping everything for it', async () => {
    const { stream, reader } = await opened();
    reader.pause();
    let over = false;
    stream.whenOver(() => (over = true));
    let sequence = 0;
    await waitUntil(
      () => {
        for (let at = 0; at < 50; at += 1)
          stream.observe({ kind: 'event', event: event(++sequence, 'x'.repeat(8_192)), place: 'p' });
        return over;
      },
      { what: 'the reader to be cut off', everyMs: 1 },
    );
    expect(sequence).toBeLessThan(10_000);
    reader.destroy();
  });

  it('tells its reader what it observed, in order, and ends after "closed"', async () => {
    const { stream, reader } = await opened();
    let text = '';
    reader.on('data', (chunk: Buffer) => (text += chunk.toString()));
    stream.observe({ kind: 'event', event: event(1), place: '0.1' });
    stream.heartbeat();
    stream.observe({ kind: 'gap', place: '0.2' });
    stream.observe({ kind: 'closed' });
    await waitUntil(() => text.endsWith('\r\n0\r\n\r\n'), { what: 'the last chunk' });
    const told = [...text.matchAll(/^(?:event|:).*$|^id: .*$/gm)].map(([line]) => line);
    expect(told).toEqual([
      'event: leadership.acquired',
      'id: 0.1',
      ': heartbeat',
      'event: gap',
      'id: 0.2',
      'event: closed',
    ]);
  });

  it('does not mind being told things after its end', async () => {
    const { stream, reader } = await opened();
    reader.destroy();
    await waitUntil(() => new Promise((resolve) => stream.whenOver(() => resolve(true))), {
      what: 'the end',
    });
    expect(() => stream.observe({ kind: 'event', event: event(1), place: '0.1' })).not.toThrow();
  });
});
