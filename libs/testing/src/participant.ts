import type { Clock } from '#core';
import type {
  CallBounds,
  CampaignRequest,
  Elections,
  ElectionSettings,
  RenewRequest,
  Replica,
  Resignation,
  Standing,
  Target,
} from '#election';

/** How long a test's call may take unless it says otherwise; on the clock that the test uses. */
const CALL_MS = 2_000;

/** What a participant asks of a replica, be it in this process or behind a wire. */
export interface ElectionCalls {
  elections: Pick<Elections, 'campaign' | 'renew' | 'resign'>;
}

export interface ParticipantOptions {
  clock: Clock;
  tenantId?: string;
  election?: string;
  ttlMs?: number;
  /** How long a call may take; milliseconds. */
  callMs?: number;
}

/**
 * A participant as the SDK behaves, on any replica: it counts its belief from before each send, on its own clock,
 * and ends it for good when it sends a resign or a step-down.
 */
export class Participant {
  readonly name: string;
  readonly tenantId: string;
  readonly election: string;
  standing: Standing | undefined;
  /** Monotonic ms until which it believes to lead. */
  believesUntilMs = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;
  readonly #ttlMs: number | undefined;
  readonly #callMs: number;
  readonly #resigned = new Set<string>();

  constructor(
    name: string,
    { clock, tenantId = 'ten_a', election = 'billing', ttlMs, callMs = CALL_MS }: ParticipantOptions,
  ) {
    this.name = name;
    this.tenantId = tenantId;
    this.election = election;
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#callMs = callMs;
  }

  async campaign(replica: ElectionCalls, more: Partial<CampaignRequest> = {}): Promise<Standing> {
    const sentAtMs = this.#clock.monotonicMs();
    const request = {
      tenantId: this.tenantId,
      election: this.election,
      candidate: this.name,
      idempotencyKey: `stand-of-${this.name}`,
      ...(this.#ttlMs !== undefined && { ttlMs: this.#ttlMs }),
      ...more,
    };
    return this.#learn(await replica.elections.campaign(request, this.bounds(more.waitMs)), sentAtMs);
  }

  async renew(
    replica: ElectionCalls,
    waitMs?: number,
    more: Pick<RenewRequest, 'health' | 'term'> = {},
  ): Promise<Standing> {
    const sentAtMs = this.#clock.monotonicMs();
    const wait = waitMs !== undefined && { waitMs };
    const request = { ...this.#target, session: this.session, ...wait, ...more };
    return this.#learn(await replica.elections.renew(request, this.bounds(waitMs)), sentAtMs);
  }

  /** Ends its term and queues anew; what it may believe then is of another candidateId. */
  async stepDown(
    replica: { elections: Pick<Elections, 'stepDown'> },
    candidateId = this.standing?.candidateId ?? '',
  ): Promise<Standing> {
    this.#giveUp(candidateId);
    const sentAtMs = this.#clock.monotonicMs();
    const request = { ...this.#target, session: this.session, candidateId };
    return this.#learn(await replica.elections.stepDown(request, this.bounds()), sentAtMs);
  }

  async resign(replica: ElectionCalls, candidateId = this.standing?.candidateId ?? ''): Promise<Resignation> {
    this.#giveUp(candidateId);
    return await replica.elections.resign(
      { ...this.#target, session: this.session, candidateId },
      this.bounds(),
    );
  }

  get session(): string {
    return this.standing?.session ?? '';
  }

  get believes(): boolean {
    return this.#clock.monotonicMs() < this.believesUntilMs;
  }

  bounds(waitMs = 0): CallBounds {
    const receivedAtMs = this.#clock.monotonicMs();
    return { receivedAtMs, deadlineMs: receivedAtMs + this.#callMs + waitMs };
  }

  get #target(): { tenantId: string; election: string } {
    return { tenantId: this.tenantId, election: this.election };
  }

  /** Whoever is about to send that it leads no more stops believing before. */
  #giveUp(candidateId: string): void {
    this.#resigned.add(candidateId);
    if (candidateId === this.standing?.candidateId) this.believesUntilMs = Number.NEGATIVE_INFINITY;
  }

  #learn(standing: Standing, sentAtMs: number): Standing {
    this.standing = standing;
    const { grant, candidateId } = standing;
    if (grant && candidateId !== undefined && !this.#resigned.has(candidateId)) {
      this.believesUntilMs = Math.max(this.believesUntilMs, sentAtMs + grant.validForMs);
    } else if (!grant) this.believesUntilMs = Number.NEGATIVE_INFINITY;
    return standing;
  }
}

/** Creates the election that the participants of a test contest. */
export async function createElection(
  replica: Replica,
  clock: Clock,
  more: Partial<Target & ElectionSettings & { maxCandidates: number }> = {},
): Promise<void> {
  const now = clock.monotonicMs();
  const { tenantId = 'ten_a', election = 'billing', maxCandidates = 1_000, ...given } = more;
  const settings = { policy: 'fifo' as const, ttlMs: 2_000, maxTtlMs: 60_000, ...given };
  const bounds = { receivedAtMs: now, deadlineMs: now + CALL_MS };
  await replica.management.create({ tenantId, election }, settings, maxCandidates, bounds);
}
