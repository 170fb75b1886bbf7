import type { Bench } from '../bench.js';
import { figureOf, type Line } from '../figures.js';
import { HttpConnection } from '../http-connection.js';
import { Incumbent } from '../incumbent.js';
import { Inspector, type Memory } from '../inspector.js';
import { pause } from '../rounds.js';

const ELECTIONS = 10;
/** Longer than the row takes; a waiter holds its renew for half of it. */
const TTL_MS = 240_000;
/** With those before them just below what one tenant may have open on one replica. */
const MEASURED = 900;
/** Before looking: answers leave, the watch brings everything back. */
const SETTLE_MS = 1_000;

/**
 * What a replica of its own needs for 1,000 candidates that wait, each in a held renew on its own connection, and for
 * 1,000 event streams. Measured after all garbage is collected, as the growth from an idle replica on.
 */
export async function memory(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  const count = bench.quick ? 100 : MEASURED;
  const replica = await service.another(['--inspect=127.0.0.1:0']);
  const inspector = await Inspector.connect(replica.process.lastLines(1_000));
  const open: (Incumbent | HttpConnection)[] = [];
  try {
    const elections = await makeElections(new Incumbent(replica.url, service.apiKey));
    const electionOf = (index: number): string => elections[index % ELECTIONS] ?? '';
    // The first ones make what is made once: compiled code, caches, connections.
    const waiters: Make = (from, to) =>
      each(from, to, (index) => wait(replica.url, service.apiKey, electionOf(index), index));
    const streams: Make = (from, to) =>
      each(from, to, (index) => listen(replica.url, service.apiKey, electionOf(index)));
    const grows = async (make: Make): Promise<Memory> => {
      open.push(...(await make(0, 50)));
      await pause(SETTLE_MS);
      const before = await inspector.memory();
      open.push(...(await make(50, 50 + count)));
      await pause(SETTLE_MS);
      const after = await inspector.memory();
      const perThousand = (key: keyof Memory): number => ((after[key] - before[key]) / count) * 1_000;
      return { residentBytes: perThousand('residentBytes'), heapBytes: perThousand('heapBytes') };
    };
    return [
      lineOf('memory of 1000 waiting candidates', await grows(waiters)),
      lineOf('memory of 1000 event streams', await grows(streams)),
    ];
  } finally {
    for (const connection of open) connection.close();
    inspector.close();
    await replica.stop();
  }
}

type Make = (from: number, to: number) => Promise<(Incumbent | HttpConnection)[]>;

function lineOf(what: string, { residentBytes, heapBytes }: Memory): Line {
  const note = `resident; ${(heapBytes / 1e6).toFixed(1)} MB of it JavaScript objects and buffers`;
  return { what, unit: 'MB', ours: figureOf([residentBytes / 1e6]), note };
}

async function makeElections(participant: Incumbent): Promise<string[]> {
  const elections = Array.from({ length: ELECTIONS }, (_, index) => `memory-${index}`);
  for (const election of elections) {
    await participant.createElection(election, { ttlMs: TTL_MS, maxTtlMs: TTL_MS });
    await participant.campaign(election, { candidate: 'leader' });
  }
  participant.close();
  return elections;
}

/** A few at a time, so that no deadline of the replica is in danger. */
async function each<T>(from: number, to: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  const width = 20;
  for (let index = from; index < to; index += width) {
    const batch = Array.from({ length: Math.min(width, to - index) }, (_, offset) => make(index + offset));
    made.push(...(await Promise.all(batch)));
  }
  return made;
}

/** A candidate that waits; its held renew is left open. */
async function wait(url: string, apiKey: string, election: string, index: number): Promise<Incumbent> {
  const participant = new Incumbent(url, apiKey);
  const { state, session } = await participant.campaign(election, { candidate: `waiter-${index}` });
  if (state !== 'waiting') throw new Error(`A candidate behind a leader is ${state}`);
  // It is never answered: the row ends before its time is over, and then its connection is closed.
  participant.renew(election, session, TTL_MS / 2).catch(() => undefined);
  return participant;
}

async function listen(url: string, apiKey: string, election: string): Promise<HttpConnection> {
  const connection = new HttpConnection(url, { authorization: `Bearer ${apiKey}` });
  const { status } = await connection.get(`/v1/elections/${election}/events`);
  if (status !== 200) throw new Error(`A stream of ${election} was answered ${status}`);
  return connection;
}
