/**
 * A participant as a process of its own, to be killed and frozen: `<options as JSON>`. Tells on its IPC channel what
 * its candidacy tells, and after every turn of 5 ms whether it leads, if that changed.
 */
import { type CampaignOptions, Incumbent, type IncumbentOptions } from '#sdk';

export interface CandidateOptions {
  readonly client: Pick<IncumbentOptions, 'baseUrls' | 'apiKey' | 'attached' | 'ttlMs'>;
  readonly election: string;
  readonly campaign: CampaignOptions;
}

export type CandidateNews =
  | { readonly kind: 'elected'; readonly term: number; readonly fence: number }
  | { readonly kind: 'lost'; readonly term: number; readonly reason: string }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'leads'; readonly leads: boolean };

const TURN_MS = 5;

const tell = (news: CandidateNews): void => void process.send?.(news);

const { client, election, campaign } = JSON.parse(process.argv[2] ?? '') as CandidateOptions;
const candidacy = new Incumbent({ ...client, apiKey: client.apiKey }).election(election).campaign(campaign);
candidacy.on('elected', ({ term, fence }) => tell({ kind: 'elected', term, fence }));
candidacy.on('lost', ({ term, reason }) => tell({ kind: 'lost', term, reason }));
candidacy.on('waiting', () => tell({ kind: 'waiting' }));

let leads = false;
setInterval(() => {
  if (leads === candidacy.isLeader()) return;
  leads = !leads;
  tell({ kind: 'leads', leads });
}, TURN_MS);

process.once('disconnect', () => process.exit());
