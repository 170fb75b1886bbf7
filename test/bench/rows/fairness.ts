import type { Bench } from '../bench.js';
import { compareLatency, type Line } from '../figures.js';
import { HttpConnection } from '../http-connection.js';
import { Incumbent, type Standing } from '../incumbent.js';
import { pause } from '../rounds.js';
import { steadily } from '../steady.js';

/** What the loud tenant may do in a second, and what it does. */
const ALLOWED = 100;
const TIMES = 10;
const LOUD_CALLERS = 50;
/** Leaders of the quiet tenant, each renewing this often: far below what a replica can do. */
const QUIET_CALLERS = 40;
const QUIET_RATE = 200;
const TTL_MS = 60_000;

/**
 * What a tenant that sends ten times what it may does to the renewals of another: rounds with it and without it, in
 * turns. Half of its calls are reads beyond its rate, half renewals beyond what its one session needs.
 */
export async function fairness(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  const replica = await service.another([], { RATE_LIMITS: 'on' });
  const quiet = await Quiet.start(replica.url, await service.tenant({}));
  const loud = await Loud.start(replica.url, await service.tenant({ requestsPerSecond: ALLOWED }));
  const { warmUpMs, roundMs, rounds } = bench.pace;
  const beside: number[] = [];
  const alone: number[] = [];
  try {
    await quiet.renewFor(warmUpMs);
    for (let round = 0; round < rounds; round += 1) {
      const [latencies] = await Promise.all([quiet.renewFor(roundMs), loud.floodFor(roundMs)]);
      beside.push(...latencies);
      // The window of the loud tenant ends before the other side begins.
      await pause(200);
      alone.push(...(await quiet.renewFor(roundMs)));
    }
    const line = compareLatency('renew beside a loud tenant', 99, { ours: beside, theirs: alone }, 2);
    return [{ ...line, note: loud.summary() }];
  } finally {
    quiet.close();
    loud.close();
    await replica.stop();
  }
}

class Quiet {
  static async start(url: string, key: string): Promise<Quiet> {
    const callers = Array.from({ length: QUIET_CALLERS }, () => new Incumbent(url, key));
    const standings: Standing[] = [];
    for (const [index, caller] of callers.entries()) {
      await caller.createElection(`quiet-${index}`, { ttlMs: TTL_MS });
      standings.push(await caller.campaign(`quiet-${index}`, { candidate: 'quiet' }));
    }
    return new Quiet(callers, standings);
  }

  readonly #callers: readonly Incumbent[];
  readonly #standings: readonly Standing[];

  private constructor(callers: readonly Incumbent[], standings: readonly Standing[]) {
    this.#callers = callers;
    this.#standings = standings;
  }

  /** @returns how long each renewal took, milliseconds */
  async renewFor(durationMs: number): Promise<number[]> {
    const latencies: number[] = [];
    await steadily(QUIET_CALLERS, QUIET_RATE, durationMs, async (caller) => {
      const startMs = performance.now();
      await this.#callers[caller]?.renew(`quiet-${caller}`, this.#standings[caller]?.session ?? '');
      latencies.push(performance.now() - startMs);
    });
    return latencies;
  }

  close(): void {
    for (const caller of this.#callers) caller.close();
  }
}

class Loud {
  #answered = 0;
  #refused = 0;
  #durationMs = 0;
  readonly #connections: readonly HttpConnection[];
  readonly #session: string;

  static async start(url: string, key: string): Promise<Loud> {
    const participant = new Incumbent(url, key);
    await participant.createElection('loud', { ttlMs: TTL_MS });
    const { session } = await participant.campaign('loud', { candidate: 'loud' });
    participant.close();
    const authorization = `Bearer ${key}`;
    const connections = Array.from(
      { length: LOUD_CALLERS },
      () => new HttpConnection(url, { authorization }),
    );
    return new Loud(connections, session);
  }

  private constructor(connections: readonly HttpConnection[], session: string) {
    this.#connections = connections;
    this.#session = session;
  }

  async floodFor(durationMs: number): Promise<void> {
    const path = '/v1/elections/loud';
    await steadily(LOUD_CALLERS, TIMES * ALLOWED, durationMs, async (caller) => {
      const connection = this.#connections[caller];
      const answer =
        caller % 2 === 0
          ? await connection?.get(`${path}/leader`)
          : await connection?.post(`${path}/renew`, { session: this.#session });
      this.#answered += 1;
      if (answer?.status === 429) this.#refused += 1;
    });
    this.#durationMs += durationMs;
  }

  summary(): string {
    const rate = Math.round((this.#answered / this.#durationMs) * 1_000);
    const share = Math.round((this.#refused / this.#answered) * 100);
    return `the loud tenant may call ${ALLOWED} times a second, called ${rate} times, and was refused ${share} %`;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}
