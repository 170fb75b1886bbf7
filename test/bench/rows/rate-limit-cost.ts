import type { Bench } from '../bench.js';
import { compareRates, type Line } from '../figures.js';
import { Incumbent } from '../incumbent.js';
import { alternate, type Load } from '../rounds.js';

/** So many that no rate stands in the way: what is measured is the counting. */
const SESSIONS = 2_000;
const CALLERS = 64;
/** Outlives the turns of the other side. */
const TTL_MS = 120_000;
/** A renewal may cost a tenth more: 1 / 1.1. */
const AT_LEAST = 0.91;

/** The same leaders renew in turns on two replicas, one of which limits rates and one of which does not. */
export async function rateLimitCost(bench: Bench): Promise<Line[]> {
  const service = await bench.service();
  const limited = await service.another([], { RATE_LIMITS: 'on' });
  const free = await service.another([], { RATE_LIMITS: 'off' });
  const leaders = await makeLeaders(service.connect());
  const callers = [limited, free].map(({ url }) =>
    Array.from({ length: CALLERS }, () => new Incumbent(url, service.apiKey)),
  );
  try {
    const [ours, theirs] = [limited, free].map((replica, side) =>
      renewing(callers[side] ?? [], leaders, { api: [replica.process.pid] }),
    );
    if (!ours || !theirs) throw new Error('Two sides are compared');
    const line = compareRates('renewals, rates limited', await alternate(ours, theirs, bench.pace), AT_LEAST);
    return [line];
  } finally {
    for (const caller of callers.flat()) caller.close();
    await Promise.all([limited.stop(), free.stop()]);
  }
}

interface Leader {
  election: string;
  session: string;
}

async function makeLeaders(participant: Incumbent): Promise<Leader[]> {
  const leaders: Leader[] = [];
  for (let index = 0; index < SESSIONS; index += 1) {
    const election = `limited-${index}`;
    await participant.createElection(election, { ttlMs: TTL_MS });
    const { session } = await participant.campaign(election, { candidate: 'bench' });
    leaders.push({ election, session });
  }
  participant.close();
  return leaders;
}

/** Each caller goes round its own share of the leaders. */
function renewing(callers: readonly Incumbent[], leaders: readonly Leader[], servers: Load['servers']): Load {
  const turns = callers.map((_, caller) => caller);
  return {
    callers: callers.length,
    servers,
    call: async (caller) => {
      const turn = turns[caller] ?? 0;
      turns[caller] = (turn + callers.length) % leaders.length;
      const leader = leaders[turn];
      if (!leader) return;
      const { state } = (await callers[caller]?.renew(leader.election, leader.session)) ?? {};
      if (state !== 'leader') throw new Error(`The leader of ${leader.election} became ${state}`);
    },
  };
}
