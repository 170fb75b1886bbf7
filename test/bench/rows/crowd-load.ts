import { randomBytes } from 'node:crypto';
import { systemClock } from '#core';
import { encodeSession, keys, Replica, type Write } from '#election';
import type { Bench } from '../bench.js';
import { CrowdHouse, writeAll } from '../crowd-house.js';
import { figureOf, type Line } from '../figures.js';
import { Inspector, type Memory } from '../inspector.js';

const SESSIONS = 100_000;
/** Nobody renews them; they outlive the row. */
const TTL_MS = 900_000;
const TIMES = 3;
const ID_LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A replica that starts on 100,000 sessions: how long it takes to list and take them in, what the start of the whole
 * process takes beside the same on an empty store, and the memory of a session.
 */
export async function crowdLoad(bench: Bench): Promise<Line[]> {
  const house = await CrowdHouse.open();
  try {
    const count = bench.quick ? 5_000 : SESSIONS;
    const empty = await processStarts(house);
    await writeAll(await house.store(), sessions(count));
    const loads: number[] = [];
    for (let time = 0; time < TIMES; time += 1) loads.push(await loadOnce(house, count));
    const full = await processStarts(house);
    const perSession = (full.memory.heapBytes - empty.memory.heapBytes) / count;
    const loading = figureOf(loads);
    const heldUp = `${(full.memory.residentBytes / 1e6).toFixed(0)} MB resident, ${(empty.memory.residentBytes / 1e6).toFixed(0)} MB without sessions`;
    return [
      {
        what: `load ${count} sessions`,
        unit: 'ms',
        ours: loading,
        target: { atMost: 3_000 },
        met: loading.median <= 3_000,
        note: 'list and take in, within this process',
      },
      {
        what: `start a replica on ${count} sessions`,
        unit: 'ms',
        ours: figureOf(full.startsMs),
        theirs: figureOf(empty.startsMs),
        note: 'from the launch of the process to ready, beside a start on an empty store',
      },
      { what: 'memory of a session', unit: 'B', ours: figureOf([perSession]), note: heldUp },
    ];
  } finally {
    await house.close();
  }
}

/** What a replica does at its start, without the rest of the process. */
async function loadOnce(house: CrowdHouse, count: number): Promise<number> {
  const store = await house.store();
  const startMs = performance.now();
  const secret = new Uint8Array(32);
  const replica = await Replica.start({ store, clock: systemClock, processId: 'prc_loading', secret });
  const tookMs = performance.now() - startMs;
  const loaded = replica.view.sessions.size;
  await replica.close();
  if (loaded < count) throw new Error(`Only ${loaded} of ${count} sessions were loaded.`);
  return tookMs;
}

async function processStarts(house: CrowdHouse): Promise<{ startsMs: number[]; memory: Memory }> {
  const startsMs: number[] = [];
  let memory: Memory = { residentBytes: NaN, heapBytes: NaN };
  for (let time = 0; time < TIMES; time += 1) {
    const startMs = performance.now();
    const replica = await house.service.another(['--inspect=127.0.0.1:0']);
    startsMs.push(performance.now() - startMs);
    const inspector = await Inspector.connect(replica.process.lastLines(1_000));
    memory = await inspector.memory();
    inspector.close();
    await replica.stop();
  }
  return { startsMs, memory };
}

/** Ids as the service makes them: evenly spread over the shards. */
function sessions(count: number): Write[] {
  const tenantId = `ten_${'0'.repeat(22)}`;
  return Array.from({ length: count }, () => {
    const id = Array.from(randomBytes(22), (byte) => ID_LETTERS[byte % 32]).join('');
    const value = encodeSession({ tenantId, ttlMs: TTL_MS, incarnation: id.slice(0, 16) });
    return { kind: 'put', key: keys.session(`ses_${id}`), value };
  });
}
