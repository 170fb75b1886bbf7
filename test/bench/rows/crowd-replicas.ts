import type { Bench } from '../bench.js';
import { CrowdHouse } from '../crowd-house.js';
import { figureOf, type Line, percentile } from '../figures.js';
import { Incumbent, type Standing } from '../incumbent.js';
import { alternate, type Load, type Round } from '../rounds.js';

const SESSIONS = 256;
const CALLERS = 64;
const TTL_MS = 240_000;

/**
 * What it costs that every replica follows every renewal: processor time of all API processes for one renewal, with
 * two replicas, beside one replica on a stack of its own. Once with as many callers for each replica, as one adds
 * replicas; once with the same callers shared, where each replica also has smaller groups and a calmer event loop.
 */
export async function crowdReplicas({ pace }: Bench): Promise<Line[]> {
  const [two, one] = [await CrowdHouse.open(), await CrowdHouse.open()];
  const second = await two.service.another([]);
  try {
    const { service } = two;
    const both = { urls: [service.url, second.url], pids: [service.pid, second.process.pid] };
    const single = { urls: [one.service.url], pids: [one.service.pid] };
    const alone = await renewals(one, single, 'alone', CALLERS);
    const doubled = await alternate(await renewals(two, both, 'doubled', 2 * CALLERS), alone, pace);
    const shared = await alternate(await renewals(two, both, 'shared', CALLERS), alone, pace);
    return [
      lineOf('api', 'two replicas, 64 callers each', doubled, 1.1),
      lineOf('etcd', 'two replicas, 64 callers each', doubled),
      lineOf('api', 'two replicas, 32 callers each', shared),
      lineOf('etcd', 'two replicas, 32 callers each', shared),
    ];
  } finally {
    await second.stop();
    await two.close();
    await one.close();
  }
}

async function renewals(
  house: CrowdHouse,
  { urls, pids }: { urls: string[]; pids: number[] },
  prefix: string,
  count: number,
): Promise<Load> {
  const standings: Standing[] = await house.leaders(prefix, SESSIONS, TTL_MS);
  // Made with the first call: a replica closes a connection over which nothing is asked.
  const callers: Incumbent[] = [];
  const turns = Array.from({ length: count }, (_, caller) => caller);
  return {
    callers: count,
    servers: { api: pids, etcd: house.etcdPids },
    call: async (caller) => {
      const turn = turns[caller] ?? 0;
      turns[caller] = (turn + count) % SESSIONS;
      const participant = (callers[caller] ??= new Incumbent(
        urls[caller % urls.length] ?? '',
        house.service.apiKey,
      ));
      const { state } = await participant.renew(`${prefix}-${turn}`, standings[turn]?.session ?? '');
      if (state !== 'leader') throw new Error(`A leader became ${state}`);
    },
  };
}

function lineOf(
  server: 'api' | 'etcd',
  how: string,
  { ours, theirs }: { ours: Round[]; theirs: Round[] },
  atMost?: number,
): Line {
  const costs = (rounds: Round[]): number[] => rounds.map(({ costUs }) => costUs[server] ?? NaN);
  const ratio = percentile(
    costs(ours).map((cost, index) => cost / (costs(theirs)[index] ?? NaN)),
    50,
  );
  const rate = (rounds: Round[]): string =>
    `${Math.round(
      percentile(
        rounds.map((round) => round.rate),
        50,
      ),
    )}/s`;
  return {
    what: `${server} time of a renewal, ${how}`,
    unit: 'us',
    ours: figureOf(costs(ours)),
    theirs: figureOf(costs(theirs)),
    ratio,
    ...(atMost !== undefined && { target: { atMost }, met: ratio <= atMost }),
    ...(server === 'api' && {
      note: `all API processes together, beside one replica with 64; ${rate(ours)} beside ${rate(theirs)}`,
    }),
  };
}
