import type { Bench } from '../bench.js';
import { Gateway } from '../etcd-gateway.js';
import { compareRates, type Line } from '../figures.js';
import type { Incumbent } from '../incumbent.js';
import { alternate, type Load } from '../rounds.js';

const SESSIONS = 200;
const CALLERS = 64;
/** Outlives the turns of the other side. */
const TTL_MS = 60_000;

/** Leaders that renew: 200 of them, 64 at once, beside as many leases kept alive through etcd's JSON gateway. */
export async function httpRenewals(bench: Bench): Promise<Line[]> {
  const { etcdUrl, etcdPids, pace } = bench;
  const service = await bench.service();
  const participants = Array.from({ length: CALLERS }, () => service.connect());
  const gateways = Array.from({ length: CALLERS }, () => new Gateway(etcdUrl));
  try {
    const ours = { ...(await leadersOf(participants)), servers: { api: [service.pid], etcd: etcdPids } };
    const theirs = { ...(await leasesOf(gateways)), servers: { etcd: etcdPids } };
    return [compareRates('renewals over HTTP', await alternate(ours, theirs, pace), 0.7)];
  } finally {
    for (const caller of [...participants, ...gateways]) caller.close();
  }
}

async function leadersOf(participants: Incumbent[]): Promise<Omit<Load, 'servers'>> {
  const leaders = await spread(participants, async (participant, index) => {
    const election = `renewals-${index}`;
    await participant.createElection(election, { ttlMs: TTL_MS });
    const { state, session } = await participant.campaign(election, { candidate: 'bench' });
    if (state !== 'leader') throw new Error(`The only candidate of ${election} is ${state}`);
    return () =>
      participant.renew(election, session).then((standing) => {
        if (standing.state !== 'leader')
          throw new Error(`The leader of ${election} became ${standing.state}`);
      });
  });
  return inTurns(leaders);
}

export async function leasesOf(gateways: Gateway[]): Promise<Omit<Load, 'servers'>> {
  const leases = await spread(gateways, async (gateway) => {
    const { lease } = await gateway.grant(TTL_MS / 1_000);
    return () => gateway.keepAlive(lease);
  });
  return inTurns(leases);
}

type Renew = () => Promise<void>;

/** Gives every connection its share of the sessions; `make` begins one and says how it is renewed. */
export async function spread<C>(
  connections: C[],
  make: (connection: C, index: number) => Promise<Renew>,
): Promise<Renew[][]> {
  const shares = connections.map(() => [] as Renew[]);
  for (let index = 0; index < SESSIONS; index += 1) {
    const caller = index % connections.length;
    const connection = connections[caller];
    if (connection !== undefined) shares[caller]?.push(await make(connection, index));
  }
  return shares;
}

/** Each caller renews its sessions one after the other, again and again. */
export function inTurns(shares: Renew[][]): Omit<Load, 'servers'> {
  const turns = shares.map(() => 0);
  return {
    callers: shares.length,
    call: async (caller) => {
      const share = shares[caller] ?? [];
      const turn = turns[caller] ?? 0;
      turns[caller] = (turn + 1) % share.length;
      await share[turn]?.();
    },
  };
}
