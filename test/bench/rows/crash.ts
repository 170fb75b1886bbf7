import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Bench } from '../bench.js';
import { Gateway } from '../etcd-gateway.js';
import { figureOf, type Line, percentile } from '../figures.js';
import type { Word } from '../killable-leader.js';
import { machineMs } from '../machine-clock.js';
import { pause } from '../rounds.js';
import type { Service } from '../service.js';

const TTL_MS = 1_000;
/** What may come on top of the ttlMs of the dead session. */
const MARGIN_MS = 100;
/** Elections in which leaders die at the same time, on either side. */
const LANES = 3;
/** How long the waiter has been waiting when the leader dies. */
const SETTLE_MS = 300;

export interface Crash {
  /** From the SIGKILL to the moment at which the next leader was told. */
  sinceKillMs: number;
  /** From the send of the last renewal that was answered. */
  sinceRenewalMs: number;
  /** Of the dead leader's session or lease. */
  ttlMs: number;
}

/** Starts a leader, and a waiter that says when it was told that it leads. */
export interface Scene {
  leader: ChildProcess;
  ttlMs: number;
  told: () => Promise<number>;
  close: () => Promise<void>;
}

/**
 * The leader is a process, killed the moment its renewal was answered: the worst moment, for its session has all of
 * its ttlMs before it. Incumbent at a ttlMs of 1000; etcd's own election at the smallest ttl that etcd grants.
 */
export async function crash(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  const rounds = bench.quick ? 1 : 12;
  const lanes = Array.from({ length: LANES }, (_, lane) => lane);
  const owner = service.connect();
  for (const lane of lanes) await owner.createElection(`crash-${lane}`, { ttlMs: TTL_MS });
  owner.close();
  const inLanes = async (scene: (lane: number, round: number) => Promise<Scene>): Promise<Crash[]> => {
    const results = await Promise.all(lanes.map((lane) => repeat(rounds, (round) => scene(lane, round))));
    return results.flat();
  };
  const [ours, theirs] = await Promise.all([
    inLanes((lane) => ourScene(service, `crash-${lane}`)),
    inLanes((lane, round) => theirScene(bench.etcdUrl, `crash-${lane}-${round}`)),
  ]);
  return linesOf(ours, theirs);
}

export async function repeat(rounds: number, makeScene: (round: number) => Promise<Scene>): Promise<Crash[]> {
  const results: Crash[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const scene = await makeScene(round);
    try {
      results.push(await kill(scene));
    } finally {
      await scene.close();
    }
  }
  return results;
}

/** @param together waits for others that are to die in the same moment */
export async function kill(
  { leader, ttlMs, told }: Scene,
  together: () => Promise<void> = () => Promise.resolve(),
): Promise<Crash> {
  const toldMs = told();
  await pause(SETTLE_MS);
  const renewal = wordOf(leader, 'renewed');
  leader.send('renew');
  const { sentMs } = await renewal;
  await together();
  const killedMs = machineMs();
  leader.kill('SIGKILL');
  return { sinceKillMs: (await toldMs) - killedMs, sinceRenewalMs: (await toldMs) - sentMs, ttlMs };
}

export async function ourScene(service: Service, election: string): Promise<Scene> {
  const leader = start(['incumbent', service.url, service.apiKey, election, `${TTL_MS}`]);
  const { ttlMs } = await wordOf(leader, 'leads');
  const waiter = service.connect();
  const waiting = await waiter.campaign(election, { candidate: `waiter-${machineMs()}`, ttlMs: TTL_MS });
  let standing = waiting;
  return {
    leader,
    ttlMs,
    told: async () => {
      standing = await waiter.untilLeader(election, waiting, TTL_MS / 2);
      return machineMs();
    },
    close: async () => {
      leader.kill('SIGKILL');
      await waiter.resign(election, standing);
      waiter.close();
    },
  };
}

export async function theirScene(url: string, election: string): Promise<Scene> {
  const leader = start(['etcd', url, election]);
  const { ttlMs } = await wordOf(leader, 'leads');
  const waiter = new Gateway(url);
  const { lease } = await waiter.grant(60);
  return {
    leader,
    ttlMs,
    told: async () => {
      await waiter.campaign(election, lease);
      return machineMs();
    },
    close: async () => {
      leader.kill('SIGKILL');
      await waiter.revoke(lease);
      waiter.close();
    },
  };
}

export function start(args: string[]): ChildProcess {
  return fork(join(import.meta.dirname, '../killable-leader.ts'), args);
}

/** The next word of this kind. @throws Error when the leader ends without it */
export async function wordOf<W extends Word['word']>(
  leader: ChildProcess,
  wanted: W,
): Promise<Extract<Word, { word: W }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<Word, { word: W }>>();
  const listen = (message: unknown): void => {
    const word = message as Word;
    if (word.word === wanted) resolve(word as Extract<Word, { word: W }>);
  };
  const ended = (code: number | null): void =>
    reject(new Error(`A leader ended (${code}) before it "${wanted}"`));
  leader.on('message', listen).once('exit', ended);
  try {
    return await promise;
  } finally {
    leader.off('message', listen).off('exit', ended);
  }
}

function linesOf(ours: readonly Crash[], theirs: readonly Crash[]): Line[] {
  const since = (crashes: readonly Crash[], moment: keyof Crash): number[] =>
    crashes.map((each) => each[moment]);
  const lineOf = (percent: number): Line => {
    const figure = (crashes: readonly Crash[]) => {
      const values = since(crashes, 'sinceKillMs');
      return { ...figureOf(values), median: percentile(values, percent) };
    };
    const renewals = since(ours, 'sinceRenewalMs');
    const renewal = `ours ${percentile(renewals, percent).toFixed(0)} ms, never under ${Math.min(...renewals).toFixed(0)} ms`;
    return {
      what: `kill -9 to next leader told p${percent}`,
      unit: 'ms',
      ours: figure(ours),
      theirs: figure(theirs),
      note: `${ours.length} kills each, ttlMs ${TTL_MS} beside the smallest that etcd grants, ${theirs[0]?.ttlMs}; since the send of the last renewal: ${renewal}`,
    };
  };
  const limitMs = TTL_MS + MARGIN_MS;
  const last = lineOf(99);
  return [lineOf(50), { ...last, target: { atMost: limitMs }, met: last.ours.median <= limitMs }];
}
