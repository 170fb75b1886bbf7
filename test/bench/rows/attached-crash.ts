import type { ChildProcess } from 'node:child_process';
import { startPrivateEtcd, startPrivatePostgres } from '#local-stack';
import { AttachedIncumbent } from '../attached-incumbent.js';
import type { Bench } from '../bench.js';
import { figureOf, type Line, percentile } from '../figures.js';
import type { Incumbent, Standing } from '../incumbent.js';
import { machineMs } from '../machine-clock.js';
import { pause } from '../rounds.js';
import { Service } from '../service.js';
import { type Crash, kill, repeat, type Scene, start, theirScene, wordOf } from './crash.js';

const HTTP_TTL_MS = 1_000;
/** What may come on top of the ttlMs of the dead session. */
const MARGIN_MS = 50;
/** The same when etcd's own leader dies at that moment. */
const MARGIN_OF_ELECTION_MS = 2_000;
/** Elections in which leaders die at the same time, of each kind. */
const LANES = 2;
const ROUNDS = 12;
const ROUNDS_OF_ELECTION = 6;

/** One kind of participant: what it is called, its ttlMs, and how its leader and its waiter begin. */
interface Kind {
  name: string;
  ttlMs: number;
  scene: (service: Service, election: string) => Promise<Scene>;
}

const KINDS: readonly Kind[] = [
  attached(300),
  attached(1_000),
  { name: 'over HTTP', ttlMs: HTTP_TTL_MS, scene: overHttp },
];

/**
 * The row `crash` for attached sessions: SIGKILL of a leader's process to the next leader told, at two lengths of the
 * session, beside the same over HTTP and beside etcd's own election; and all of it once more while the leader of a
 * cluster of three etcd members is killed in the same millisecond.
 */
export async function attachedCrash(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  await makeElections(service);
  const rounds = bench.quick ? 1 : ROUNDS;
  const [theirs, ...ours] = await Promise.all([
    inLanes((lane) => repeat(rounds, (round) => theirScene(bench.etcdUrl, `attached-${lane}-${round}`))),
    ...KINDS.map((kind) =>
      inLanes((lane) => repeat(rounds, () => kind.scene(service, electionOf(kind, lane)))),
    ),
  ]);
  const alone = KINDS.flatMap((kind, at) => linesOf(kind, ours[at] ?? [], theirs, MARGIN_MS));
  return [...alone, ...(await withLeaderOfEtcd(bench))];
}

async function withLeaderOfEtcd(bench: Bench): Promise<Line[]> {
  const starting = [startPrivateEtcd({ members: 3 }), startPrivatePostgres()] as const;
  const [etcd, postgres] = await Promise.all(starting);
  const stack = { ...bench.stack, databaseUrl: postgres.url, etcdEndpoints: etcd.urls };
  const service = await Service.start(stack);
  try {
    await makeElections(service);
    const crashes = { ours: KINDS.map((): Crash[] => []), theirs: [] as Crash[] };
    for (let round = 0; round < (bench.quick ? 1 : ROUNDS_OF_ELECTION); round += 1) {
      const leader = await etcd.leader();
      const url = etcd.urls.find((one) => one !== leader.clientUrl) ?? '';
      const ours = KINDS.flatMap((kind) =>
        laneNumbers().map((lane) => kind.scene(service, electionOf(kind, lane))),
      );
      const theirs = laneNumbers().map((lane) => theirScene(url, `with-etcd-${lane}-${round}`));
      const scenes = await Promise.all([...ours, ...theirs]);
      const together = barrier(scenes.length, () => void leader.kill());
      const results = await Promise.all(scenes.map((scene) => kill(scene, together)));
      for (const [at, result] of results.entries()) {
        if (result) (crashes.ours[Math.floor(at / LANES)] ?? crashes.theirs).push(result);
      }
      await leader.restart();
      await Promise.all(scenes.map((scene) => scene.close()));
    }
    return KINDS.flatMap((kind, at) =>
      linesOf(
        { ...kind, name: `${kind.name}, etcd's leader dies too` },
        crashes.ours[at] ?? [],
        crashes.theirs,
        MARGIN_OF_ELECTION_MS,
      ),
    );
  } finally {
    await service.stop();
    await Promise.all([etcd.stop(), postgres.stop()]);
  }
}

/** Lets `count` callers go on when the last of them has come, right after `then`. */
function barrier(count: number, then: () => void): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = count;
  return () => {
    missing -= 1;
    if (missing === 0) {
      then();
      resolve();
    }
    return promise;
  };
}

function attached(ttlMs: number): Kind {
  const scene = async (service: Service, election: string): Promise<Scene> => {
    const { url, apiKey } = service;
    const leader = start(['attached', url, apiKey, election, `${ttlMs}`]);
    await wordOf(leader, 'leads');
    const waiter = await AttachedIncumbent.connect(url, apiKey);
    return sceneOf({ leader, waiter, election, ttlMs, pauseMs: ttlMs / 4 });
  };
  return { name: `attached, ttlMs ${ttlMs}`, ttlMs, scene };
}

async function overHttp(service: Service, election: string): Promise<Scene> {
  const leader = start(['incumbent', service.url, service.apiKey, election, `${HTTP_TTL_MS}`]);
  await wordOf(leader, 'leads');
  return sceneOf({
    ...{ leader, waiter: service.connect(), election },
    ...{ ttlMs: HTTP_TTL_MS, pauseMs: HTTP_TTL_MS / 2 },
  });
}

interface Cast {
  leader: ChildProcess;
  waiter: AttachedIncumbent | Incumbent;
  election: string;
  ttlMs: number;
  /** How long the waiter lets its renewals be held, or waits between two. */
  pauseMs: number;
}

async function sceneOf({ leader, waiter, election, ttlMs, pauseMs }: Cast): Promise<Scene> {
  const waiting = await waiter.campaign(election, { candidate: `waiter-${machineMs()}`, ttlMs });
  // It keeps itself alive from here on, however long the others take to begin.
  const promoted = untilLeader(waiter, election, waiting, pauseMs);
  const told = promoted.then(machineMs);
  told.catch(() => undefined);
  const close = async (): Promise<void> => {
    leader.kill('SIGKILL');
    await waiter.resign(election, await promoted);
    waiter.close();
  };
  return { leader, ttlMs, told: () => told, close };
}

/** While etcd has no leader, calls are refused; a participant asks again. */
async function untilLeader(
  waiter: Cast['waiter'],
  election: string,
  waiting: Standing,
  pauseMs: number,
): Promise<Standing> {
  for (let triesLeft = 200; ; triesLeft -= 1) {
    try {
      return await waiter.untilLeader(election, waiting, pauseMs);
    } catch (error) {
      if (triesLeft === 0) throw error;
      await pause(20);
    }
  }
}

async function makeElections(service: Service): Promise<void> {
  const owner = service.connect();
  for (const kind of KINDS)
    for (const lane of laneNumbers())
      await owner.createElection(electionOf(kind, lane), { ttlMs: HTTP_TTL_MS });
  owner.close();
}

function electionOf({ name }: Kind, lane: number): string {
  return `crash-${name.replaceAll(/[^a-zA-Z0-9]+/g, '-')}-${lane}`;
}

function laneNumbers(): number[] {
  return Array.from({ length: LANES }, (_, lane) => lane);
}

async function inLanes(run: (lane: number) => Promise<Crash[]>): Promise<Crash[]> {
  return (await Promise.all(laneNumbers().map(run))).flat();
}

function linesOf(kind: Kind, ours: readonly Crash[], theirs: readonly Crash[], marginMs: number): Line[] {
  const figure = (crashes: readonly Crash[], percent: number) => {
    const values = crashes.map(({ sinceKillMs }) => sinceKillMs);
    return { ...figureOf(values), median: percentile(values, percent) };
  };
  const soonest = Math.min(...ours.map(({ sinceRenewalMs }) => sinceRenewalMs)).toFixed(0);
  const limitMs = kind.ttlMs + marginMs;
  return [50, 99].map((percent) => ({
    what: `kill -9 to next leader told, ${kind.name}, p${percent}`,
    unit: 'ms',
    ours: figure(ours, percent),
    theirs: figure(theirs, percent),
    ...(percent === 99 && {
      target: { atMost: limitMs },
      met: figure(ours, percent).median <= limitMs,
    }),
    note: `${ours.length} kills beside ${theirs.length} of etcd's own election with a lease of ${theirs[0]?.ttlMs} ms; since the send of the last renewal never under ${soonest} ms`,
  }));
}
