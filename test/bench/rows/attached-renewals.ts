import { AttachedIncumbent } from '../attached-incumbent.js';
import type { Bench } from '../bench.js';
import { Gateway } from '../etcd-gateway.js';
import { compareRates, type Line } from '../figures.js';
import { alternate, type Load } from '../rounds.js';
import type { Service } from '../service.js';
import { inTurns, leasesOf, spread } from './http-renewals.js';

const CALLERS = 64;
const SHARED_BY = 2;
/** Outlives the turns of the other side. */
const TTL_MS = 60_000;

/**
 * Leaders that renew over sockets: 200 of them, 64 at once, beside as many leases over the gateway. First each caller has
 * a socket of its own, as processes have; then two share one, as the sessions of one process do; more would meet
 * the bound on the frames of a socket.
 */
export async function attachedRenewals(bench: Bench): Promise<Line[]> {
  return [await renewals(bench, CALLERS), await renewals(bench, CALLERS / SHARED_BY)];
}

async function renewals(bench: Bench, sockets: number): Promise<Line> {
  const { etcdUrl, etcdPids, pace } = bench;
  const service = await bench.service();
  const participants = await socketsOf(service, sockets);
  const gateways = Array.from({ length: CALLERS }, () => new Gateway(etcdUrl));
  try {
    const leaders = await leadersOf(service, participants);
    const ours = { ...leaders, servers: { api: [service.pid], etcd: etcdPids } };
    const theirs = { ...(await leasesOf(gateways)), servers: { etcd: etcdPids } };
    return compareRates(`renewals over ${sockets} sockets`, await alternate(ours, theirs, pace), 2);
  } finally {
    for (const caller of [...participants, ...gateways]) caller.close();
  }
}

export function socketsOf({ url, apiKey }: Service, count: number): Promise<AttachedIncumbent[]> {
  return Promise.all(Array.from({ length: count }, () => AttachedIncumbent.connect(url, apiKey)));
}

async function leadersOf(
  service: Service,
  participants: AttachedIncumbent[],
): Promise<Omit<Load, 'servers'>> {
  const owner = service.connect();
  const callers = Array.from({ length: CALLERS }, (_, caller) => caller);
  const leaders = await spread(callers, async (caller, index) => {
    const participant = participants[caller % participants.length];
    const election = `attached-renewals-${participants.length}-${index}`;
    await owner.createElection(election, { ttlMs: TTL_MS });
    if (!participant) throw new Error('There is a socket for each caller.');
    const { state, session } = await participant.campaign(election, { candidate: 'bench' });
    if (state !== 'leader') throw new Error(`The only candidate of ${election} is ${state}`);
    return async () => {
      const standing = await participant.renew(election, session);
      if (standing.state !== 'leader') throw new Error(`The leader of ${election} became ${standing.state}`);
    };
  });
  owner.close();
  return inTurns(leaders);
}
