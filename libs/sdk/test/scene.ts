import type { CampaignOptions, Candidacy } from '../src/candidacy.js';
import { type ElectionOptions, Incumbent } from '../src/incumbent.js';
import { FakeClock, flush } from './fake-clock.js';
import { ScriptedService, TTL_MS } from './scripted-service.js';
import { SessionsService } from './sessions-service.js';

const open: Incumbent[] = [];

/** A client, the service that it speaks to, and what its candidacies tell, in words. */
export function scene() {
  const clock = new FakeClock();
  const state = new SessionsService();
  const service = new ScriptedService(state.script);
  const given = { baseUrl: 'http://a', apiKey: 'key', fetch: service.fetch, clock, random: () => 0.5 };
  const client = new Incumbent({ ...given, ttlMs: TTL_MS });
  open.push(client);
  const told: string[] = [];
  const stand = (
    election: string,
    over: Partial<CampaignOptions> = {},
    options: ElectionOptions = {},
  ): Candidacy => {
    const candidacy = client.election(election, options).campaign({ candidate: 'me', ...over });
    candidacy.on('elected', ({ term }) => told.push(`${election} elected ${term}`));
    candidacy.on('lost', ({ term, reason }) => told.push(`${election} lost ${term} ${reason}`));
    candidacy.on('error', ({ message }) => told.push(`${election} error ${message.split(':')[0]}`));
    return candidacy;
  };
  const paths = () => service.seen.map(({ path }) => path);
  const sessionRenewals = () => paths().filter((path) => path === '/v1/sessions/renew').length;
  return { clock, state, service, client, stand, told, paths, sessionRenewals };
}

/** Closes every client of the test, answered or not. */
export async function closeClients(): Promise<void> {
  await Promise.all(open.splice(0).map((client) => Promise.race([client.close(), flush()])));
}
