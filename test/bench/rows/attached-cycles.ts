import type { AttachedIncumbent } from '../attached-incumbent.js';
import type { Bench } from '../bench.js';
import { Gateway } from '../etcd-gateway.js';
import { compareRates, type Line } from '../figures.js';
import { alternate, type Load } from '../rounds.js';
import { socketsOf } from './attached-renewals.js';
import { grantCampaignResignRevoke } from './cycles.js';

const CALLERS = 64;

/** A whole leadership, again and again, each caller on a socket of its own, in an election of its own. */
export async function attachedCycles(bench: Bench): Promise<Line[]> {
  const { etcdUrl, etcdPids, pace } = bench;
  const service = await bench.service();
  const participants = await socketsOf(service, CALLERS);
  const gateways = Array.from({ length: CALLERS }, () => new Gateway(etcdUrl));
  try {
    const owner = service.connect();
    for (const caller of participants.keys()) await owner.createElection(`attached-cycles-${caller}`);
    owner.close();
    const ours = { ...campaignAndResign(participants), servers: { api: [service.pid], etcd: etcdPids } };
    const theirs = { ...grantCampaignResignRevoke(gateways), servers: { etcd: etcdPids } };
    return [compareRates('campaign + resign over sockets', await alternate(ours, theirs, pace), 5)];
  } finally {
    for (const caller of [...participants, ...gateways]) caller.close();
  }
}

function campaignAndResign(participants: AttachedIncumbent[]): Omit<Load, 'servers'> {
  return {
    callers: participants.length,
    call: async (caller) => {
      const election = `attached-cycles-${caller}`;
      const standing = await participants[caller]?.campaign(election, { candidate: 'bench' });
      if (standing?.state !== 'leader')
        throw new Error(`The only candidate of ${election} is ${standing?.state}`);
      await participants[caller]?.resign(election, standing);
    },
  };
}
