import type { Bench } from '../bench.js';
import { Gateway, type LeaderKey } from '../etcd-gateway.js';
import { compareLatency, type Line } from '../figures.js';
import type { Incumbent, Standing } from '../incumbent.js';
import { pause } from '../rounds.js';

/** Long enough for either side's waiter to be settled in whatever it waits in. */
const STEADY_MS = 200;
/** A waiter that joined this long ago stands in the queue, and not much more. */
const JUST_JOINED_MS = 15;
/** Enough for the waiter to be on its way. */
const WARM_UP_PAUSE_MS = 3;
const TTL_MS = 10_000;

/** Two candidates who take turns in leading. */
interface Pair {
  /** The other one joins and waits; resolves when it leads, with the moment at which it was told. */
  join(): { told: Promise<number> };
  /** The leader resigns; returns the moment at which it sent that. */
  resign(): { sentMs: number; done: Promise<void> };
  close(): void;
}

/**
 * From the send of a resign to the moment at which the next leader is told: over HTTP with a held renew, and with
 * the campaign that etcd's gateway blocks. Once with a waiter of long standing, once with one that just came.
 */
export async function handOver(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  const ours = await OurPair.start(service.connect(), service.connect());
  const theirs = await TheirPair.start(new Gateway(bench.etcdUrl), new Gateway(bench.etcdUrl));
  const turns = bench.quick ? 8 : 120;
  try {
    for (const pair of [ours, theirs]) await warmUp(pair, bench.pace.warmUpMs);
    const steady = await measure(ours, theirs, { afterMs: STEADY_MS, turns });
    const joined = await measure(ours, theirs, { afterMs: JUST_JOINED_MS, turns });
    const lines = [50, 99].flatMap((percent) => [
      compareLatency('resign to next leader told', percent, steady, 1.2),
      // Held against etcd's steady figure: its own for a waiter that just came is shown in the note.
      {
        ...compareLatency(
          'the same, waiter just joined',
          percent,
          { ours: joined.ours, theirs: steady.theirs },
          1.2,
        ),
        note: `beside etcd's steady figure; its own was ${compareLatency('', percent, joined, 1).theirs?.median.toFixed(1)} ms`,
      },
    ]);
    return lines;
  } finally {
    ours.close();
    theirs.close();
  }
}

/** Hand-overs one right after the other: what is measured later is the program, not its compilation. */
async function warmUp(pair: Pair, durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) await handOverOnce(pair, WARM_UP_PAUSE_MS);
}

/** @returns milliseconds from the send of the resign to the moment at which the next leader is told */
async function handOverOnce(pair: Pair, afterMs: number): Promise<number> {
  const waiter = pair.join();
  await pause(afterMs);
  const { sentMs, done } = pair.resign();
  const toldMs = await waiter.told;
  await done;
  return toldMs - sentMs;
}

/** One hand-over of ours, one of theirs, and so on. */
async function measure(
  ours: Pair,
  theirs: Pair,
  { afterMs, turns }: { afterMs: number; turns: number },
): Promise<{ ours: number[]; theirs: number[] }> {
  const results = { ours: [] as number[], theirs: [] as number[] };
  for (let turn = 0; turn < turns; turn += 1) {
    results.ours.push(await handOverOnce(ours, afterMs));
    results.theirs.push(await handOverOnce(theirs, afterMs));
  }
  return results;
}

const ELECTION = 'hand-over';

interface OurLeader {
  participant: Incumbent;
  standing: Standing;
}

class OurPair implements Pair {
  #leader: OurLeader;
  #other: Incumbent;

  static async start(first: Incumbent, second: Incumbent): Promise<OurPair> {
    await first.createElection(ELECTION, { ttlMs: TTL_MS });
    const standing = await first.campaign(ELECTION, { candidate: 'first' });
    return new OurPair({ participant: first, standing }, second);
  }

  private constructor(leader: OurLeader, other: Incumbent) {
    this.#leader = leader;
    this.#other = other;
  }

  join(): { told: Promise<number> } {
    const participant = this.#other;
    const told = async (): Promise<number> => {
      // A new name each time, as processes have; the campaign itself is held first.
      const candidate = `candidate-${performance.now()}`;
      const waiting = await participant.campaign(ELECTION, { candidate, waitMs: TTL_MS / 2 });
      const standing = await participant.untilLeader(ELECTION, waiting, TTL_MS / 2);
      const toldMs = performance.now();
      this.#other = this.#leader.participant;
      this.#leader = { participant, standing };
      return toldMs;
    };
    return { told: told() };
  }

  resign(): { sentMs: number; done: Promise<void> } {
    const { participant, standing } = this.#leader;
    const sentMs = performance.now();
    return { sentMs, done: participant.resign(ELECTION, standing) };
  }

  close(): void {
    this.#leader.participant.close();
    this.#other.close();
  }
}

interface TheirCandidate {
  gateway: Gateway;
  lease: string;
}

interface TheirLeader extends TheirCandidate {
  key: LeaderKey;
}

class TheirPair implements Pair {
  #leader: TheirLeader;
  #other: TheirCandidate;

  static async start(first: Gateway, second: Gateway): Promise<TheirPair> {
    const leases = await Promise.all([first.grant(600), second.grant(600)]);
    const [leading, waiting] = leases.map(({ lease }) => lease);
    const lease = leading ?? '';
    const key = await first.campaign(ELECTION, lease);
    return new TheirPair({ gateway: first, lease, key }, { gateway: second, lease: waiting ?? '' });
  }

  private constructor(leader: TheirLeader, other: TheirCandidate) {
    this.#leader = leader;
    this.#other = other;
  }

  join(): { told: Promise<number> } {
    const { gateway, lease } = this.#other;
    const told = async (): Promise<number> => {
      const key = await gateway.campaign(ELECTION, lease);
      const toldMs = performance.now();
      this.#other = this.#leader;
      this.#leader = { gateway, lease, key };
      return toldMs;
    };
    return { told: told() };
  }

  resign(): { sentMs: number; done: Promise<void> } {
    const { gateway, key } = this.#leader;
    const sentMs = performance.now();
    return { sentMs, done: gateway.resign(key) };
  }

  close(): void {
    this.#leader.gateway.close();
    this.#other.gateway.close();
  }
}
