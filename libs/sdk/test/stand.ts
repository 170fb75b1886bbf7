import type { CampaignOptions, Candidacy } from '../src/candidacy.js';
import { Incumbent } from '../src/incumbent.js';
import { FakeClock, flush } from './fake-clock.js';
import { type Reply, type Script, ScriptedService, TTL_MS } from './scripted-service.js';

const open: Candidacy[] = [];

/** A candidate named `me` of the election `billing`, and what it tells, in words. */
export function stand(script: Script, over: Partial<CampaignOptions> = {}, baseUrls = ['http://a']) {
  const clock = new FakeClock();
  const service = new ScriptedService(script);
  const client = new Incumbent({ baseUrls, apiKey: 'key', fetch: service.fetch, clock, random: () => 0.5 });
  const candidacy = client.election('billing').campaign({ candidate: 'me', ttlMs: TTL_MS, ...over });
  open.push(candidacy);
  const told: string[] = [];
  candidacy.on('elected', ({ term }) => told.push(`elected ${term}`));
  candidacy.on('lost', ({ term, reason }) => told.push(`lost ${term} ${reason}`));
  candidacy.on('waiting', ({ position }) => told.push(`waiting ${position}`));
  return { clock, service, candidacy, told };
}

/** A reply that comes when `release` is called. */
export function held(): { reply: Promise<Reply>; release: (reply: Reply) => void } {
  let release: (reply: Reply) => void = () => undefined;
  const reply = new Promise<Reply>((resolve) => (release = resolve));
  return { reply, release };
}

/** Ends every candidacy of the test, answered or not. */
export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map((candidacy) => Promise.race([candidacy.close(), flush()])));
}
