import type { Clock } from '#core';
import type { MessagePayload } from '../payload.js';
import type { EndpointSeal } from '../secrets.js';
import type { ClaimedDelivery } from './claimed-delivery.js';
import { signatureHeaders } from './signature.js';

/** The term that a `leadership.acquired` tells of. */
export interface AcquiredTerm {
  tenantId: string;
  electionId: string;
  election: string;
  candidateId: string;
  candidate: string;
  seat: number;
  epoch: number;
  term: number;
  fence: number;
}

/** Signs for a term, or answers undefined while nothing can be signed. */
export type SignTerm = (term: AcquiredTerm) => Promise<string | undefined>;

export interface Envelope {
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * A token says that its term was current when it was signed. This long after the event that is still likely; a
 * delivery that comes later tells its fence alone.
 */
const SIGN_WITHIN_MS = 10 * 60_000;
const USER_AGENT = 'Incumbent-Webhooks/1';

/** Puts a delivery into the form in which it travels: body, signatures, headers. */
export class Envelopes {
  constructor(
    private readonly seal: EndpointSeal,
    private readonly signTerm: SignTerm,
    private readonly clock: Clock,
  ) {}

  /** @throws SealBroken */
  async of(delivery: ClaimedDelivery): Promise<Envelope> {
    const { message, endpoint, secrets } = delivery;
    const body = Buffer.from(JSON.stringify(await this.payloadOf(delivery)));
    const timestamp = Math.floor(this.clock.wallTimeMs() / 1000);
    const signing = secrets.filter(({ kind }) => kind === 'v1' || endpoint.signatureV1a);
    const opened = signing.map((secret) => this.seal.openSecret(secret));
    const own = {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      ...signatureHeaders({ id: message.id, timestamp, body }, opened),
    };
    // What the endpoint's maker wants comes first and cannot replace what the receiver relies on.
    const wanted = Object.entries(this.seal.openHeaders(endpoint)).filter(
      ([name]) => !(name.toLowerCase() in own),
    );
    return { headers: { ...Object.fromEntries(wanted), ...own }, body };
  }

  private async payloadOf({ message, endpoint, tenantId }: ClaimedDelivery): Promise<MessagePayload> {
    const { type, timestamp, data } = message.payload;
    const term = endpoint.includeFencingToken && this.isFresh(timestamp) && termOf(tenantId, message);
    const fencingToken = term ? await this.signTerm(term) : undefined;
    return { type, timestamp, data: fencingToken === undefined ? data : { ...data, fencingToken } };
  }

  private isFresh(timestamp: string): boolean {
    return this.clock.wallTimeMs() - Date.parse(timestamp) < SIGN_WITHIN_MS;
  }
}

function termOf(
  tenantId: string,
  { type, electionId, payload }: ClaimedDelivery['message'],
): AcquiredTerm | undefined {
  if (type !== 'leadership.acquired') return undefined;
  const { election, seat, epoch, term, fence, leader } = payload.data as unknown as AcquiredData;
  if (!leader) return undefined;
  const { candidate, candidateId } = leader;
  return { tenantId, electionId, election, candidateId, candidate, seat, epoch, term, fence };
}

/** See `payloadOf` of events. */
interface AcquiredData extends Pick<AcquiredTerm, 'election' | 'seat' | 'epoch' | 'term' | 'fence'> {
  leader: { candidate: string; candidateId: string } | null;
}
