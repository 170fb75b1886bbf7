import type { Bench } from '../bench.js';
import { Gateway } from '../etcd-gateway.js';
import { compareRates, type Line } from '../figures.js';
import type { Incumbent } from '../incumbent.js';
import { alternate, type Load } from '../rounds.js';

const CALLERS = 64;
const LEASE_SECONDS = 60;

/** A whole leadership, again and again, each caller in an election of its own. */
export async function cycles(bench: Bench): Promise<Line[]> {
  const { etcdUrl, etcdPids, pace } = bench;
  const service = await bench.service();
  const participants = Array.from({ length: CALLERS }, () => service.connect());
  const gateways = Array.from({ length: CALLERS }, () => new Gateway(etcdUrl));
  try {
    for (const [caller, participant] of participants.entries())
      await participant.createElection(`cycles-${caller}`);
    const ours = { ...campaignAndResign(participants), servers: { api: [service.pid], etcd: etcdPids } };
    const theirs = { ...grantCampaignResignRevoke(gateways), servers: { etcd: etcdPids } };
    return [compareRates('campaign + resign over HTTP', await alternate(ours, theirs, pace), 3)];
  } finally {
    for (const caller of [...participants, ...gateways]) caller.close();
  }
}

function campaignAndResign(participants: Incumbent[]): Omit<Load, 'servers'> {
  return {
    callers: participants.length,
    call: async (caller) => {
      const election = `cycles-${caller}`;
      const standing = await participants[caller]?.campaign(election, { candidate: 'bench' });
      if (standing?.state !== 'leader')
        throw new Error(`The only candidate of ${election} is ${standing?.state}`);
      await participants[caller]?.resign(election, standing);
    },
  };
}

/** What etcd calls for the same. */
export function grantCampaignResignRevoke(gateways: Gateway[]): Omit<Load, 'servers'> {
  return {
    callers: gateways.length,
    call: async (caller) => {
      const gateway = gateways[caller];
      if (!gateway) throw new Error('There are as many gateways as callers.');
      const { lease } = await gateway.grant(LEASE_SECONDS);
      await gateway.resign(await gateway.campaign(`cycles-${caller}`, lease));
      await gateway.revoke(lease);
    },
  };
}
