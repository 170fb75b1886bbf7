import type { Bench } from '../bench.js';
import { CrowdHouse } from '../crowd-house.js';
import { figureOf, type Line, percentile } from '../figures.js';
import { Incumbent, type Standing } from '../incumbent.js';
import { alternate, type Load, type Round } from '../rounds.js';

const SESSIONS = 256;
const CALLERS = 64;
const TTL_MS = 120_000;

/**
 * What it costs that every replica follows every renewal: processor time of all API processes for one renewal, with
 * two replicas that share the callers, beside one replica on a stack of its own. The callers are the same.
 */
export async function crowdReplicas({ pace }: Bench): Promise<Line[]> {
  const [two, one] = [await CrowdHouse.open(), await CrowdHouse.open()];
  const second = await two.service.another([]);
  try {
    const load = async (house: CrowdHouse, urls: string[], pids: number[]): Promise<Load> => ({
      ...(await renewals(house, urls)),
      servers: { api: pids, etcd: house.etcdPids },
    });
    const { service } = two;
    const beside = await load(two, [service.url, second.url], [service.pid, second.process.pid]);
    const alone = await load(one, [one.service.url], [one.service.pid]);
    const rounds = await alternate(beside, alone, pace);
    return [lineOf('api', rounds), lineOf('etcd', rounds)];
  } finally {
    await second.stop();
    await two.close();
    await one.close();
  }
}

async function renewals(house: CrowdHouse, urls: string[]): Promise<Omit<Load, 'servers'>> {
  const standings: Standing[] = await house.leaders('replicas', SESSIONS, TTL_MS);
  // Made with the first call: a replica closes a connection over which nothing is asked.
  const callers: Incumbent[] = [];
  const turns = Array.from({ length: CALLERS }, (_, caller) => caller);
  return {
    callers: CALLERS,
    call: async (caller) => {
      const turn = turns[caller] ?? 0;
      turns[caller] = (turn + CALLERS) % SESSIONS;
      const participant = (callers[caller] ??= new Incumbent(
        urls[caller % urls.length] ?? '',
        house.service.apiKey,
      ));
      const { state } = await participant.renew(`replicas-${turn}`, standings[turn]?.session ?? '');
      if (state !== 'leader') throw new Error(`A leader became ${state}`);
    },
  };
}

function lineOf(server: 'api' | 'etcd', { ours, theirs }: { ours: Round[]; theirs: Round[] }): Line {
  const costs = (rounds: Round[]): number[] => rounds.map(({ costUs }) => costUs[server] ?? NaN);
  const ratio = percentile(
    costs(ours).map((cost, index) => cost / (costs(theirs)[index] ?? NaN)),
    50,
  );
  const line: Line = {
    what: `${server} time of a renewal, two replicas`,
    unit: 'us',
    ours: figureOf(costs(ours)),
    theirs: figureOf(costs(theirs)),
    ratio,
  };
  if (server === 'etcd') return line;
  const rates = (rounds: Round[]): string =>
    `${Math.round(
      percentile(
        rounds.map(({ rate }) => rate),
        50,
      ),
    )}/s`;
  const note = `all API processes together, beside one replica; ${rates(ours)} beside ${rates(theirs)}`;
  return { ...line, target: { atMost: 1.1 }, met: ratio <= 1.1, note };
}
