import { type Clock, delay, hasCode, newId } from '#core';
import { type Standing, SYSTEM_TENANT } from '#election';
import type { Engine } from '#etcd';
import type { Logger } from '#telemetry';

const TARGET = { tenantId: SYSTEM_TENANT, election: 'relay' };
/** How long a dead relay keeps the others waiting; a resignation does not. */
const TTL_MS = 3_000;
const CALL_MS = 1_500;
const RETRY_MS = 500;
/** Between two held renewals of one that waits. */
const BETWEEN_HOLDS_MS = 10;
/** A relay that its own database refuses would lead again at once: let another one try. */
const REST_MS = 5_000;

/**
 * The one seat of the service's own election `relay`, contested by every worker through the engine, as any
 * participant does. What it says is belief: what keeps two relays apart is the fence in their transactions.
 */
export class RelaySeat {
  /** One stand of this process; its name is its own, so a lost answer is found again. */
  private readonly candidate = newId('prc');
  private standing: Standing | undefined;
  /** A stand that was resigned: what is answered of it afterwards counts no more. */
  private resigned: string | undefined;
  private believesUntilMs = Number.NEGATIVE_INFINITY;
  private restUntilMs = Number.NEGATIVE_INFINITY;
  private readonly closing = new AbortController();
  private running: Promise<void> | undefined;
  /** Called when this process has become the relay. */
  onElected: () => void = () => undefined;

  constructor(
    private readonly engine: Pick<Engine, 'current' | 'known'>,
    private readonly logger: Logger,
    private readonly clock: Clock,
    private readonly ttlMs = TTL_MS,
  ) {}

  start(): void {
    this.running = this.stand();
  }

  /** The fence of the term that this process holds; undefined while it leads not, or cannot be sure. */
  get fence(): number | undefined {
    return this.clock.monotonicMs() < this.believesUntilMs ? this.standing?.grant?.fence : undefined;
  }

  /** Leaves the seat for a while: another relay has gone on, or this one cannot. */
  async stepDown(): Promise<void> {
    this.restUntilMs = this.clock.monotonicMs() + REST_MS;
    await this.resign();
  }

  /** Resigns, so that the next one leads at once. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
    await this.resign();
  }

  private get closed(): boolean {
    return this.closing.signal.aborted;
  }

  private async stand(): Promise<void> {
    while (!this.closed) {
      const restMs = this.restUntilMs - this.clock.monotonicMs();
      const pauseMs = restMs > 0 ? restMs : await this.attempt();
      await this.pause(pauseMs);
    }
  }

  /** One campaign or renewal; answers how long to wait before the next. Never rejects. */
  private async attempt(): Promise<number> {
    const sentAtMs = this.clock.monotonicMs();
    try {
      const standing = this.standing ? await this.renew(this.standing) : await this.campaign();
      this.learn(standing, sentAtMs);
      return standing.state === 'leader' ? standing.renewAfterMs : BETWEEN_HOLDS_MS;
    } catch (error) {
      if (hasCode(error, 'session.expired')) this.standing = undefined;
      else if (hasCode(error, 'election.not_found')) await this.create();
      else this.logger.debug({ err: error }, 'the relay election cannot be reached; trying again');
      return RETRY_MS;
    }
  }

  private learn(standing: Standing, sentAtMs: number): void {
    if (standing.candidateId !== undefined && standing.candidateId === this.resigned) return;
    const led = this.standing?.grant !== undefined;
    this.standing = standing.state === 'out' ? undefined : standing;
    const { grant } = standing;
    this.believesUntilMs = grant ? sentAtMs + grant.validForMs : Number.NEGATIVE_INFINITY;
    if (!grant || led) return;
    this.logger.info({ fence: grant.fence }, 'this worker relays');
    this.onElected();
  }

  private campaign(): Promise<Standing> {
    const { candidate, ttlMs } = this;
    const request = { ...TARGET, candidate, idempotencyKey: candidate, ttlMs };
    return this.engine.current.elections.campaign(request, this.bounds());
  }

  /** Held while waiting, so that a promotion is known when it happens. */
  private renew({ session, state }: Standing): Promise<Standing> {
    const waitMs = state === 'waiting' ? this.ttlMs / 3 : 0;
    return this.engine.current.elections.renew({ ...TARGET, session, waitMs }, this.bounds(waitMs));
  }

  private async create(): Promise<void> {
    const settings = { policy: 'fifo' as const, ttlMs: this.ttlMs, maxTtlMs: 60_000 };
    const made = this.engine.current.management.create(TARGET, settings, MOST_WORKERS, this.bounds());
    await made.catch((error: unknown) => {
      if (!hasCode(error, 'election.name_taken')) this.logger.debug({ err: error }, 'no relay election yet');
    });
  }

  /** Never rejects: what is not resigned expires. */
  private async resign(): Promise<void> {
    const { standing } = this;
    this.believesUntilMs = Number.NEGATIVE_INFINITY;
    this.standing = undefined;
    const elections = this.engine.known?.elections;
    if (!standing?.candidateId || !elections) return;
    const { session, candidateId } = standing;
    this.resigned = candidateId;
    await elections
      .resign({ ...TARGET, session, candidateId }, this.bounds())
      .catch((error: unknown) => this.logger.debug({ err: error }, 'the relay did not resign; it expires'));
  }

  private bounds(waitMs = 0) {
    const receivedAtMs = this.clock.monotonicMs();
    const { signal } = this.closing;
    return { receivedAtMs, deadlineMs: receivedAtMs + CALL_MS + waitMs, ...(waitMs > 0 && { signal }) };
  }

  private async pause(ms: number): Promise<void> {
    if (ms <= 0 || this.closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => resolve();
    this.closing.signal.addEventListener('abort', end, { once: true });
    await Promise.race([delay(ms, this.clock), promise]);
    this.closing.signal.removeEventListener('abort', end);
  }
}

const MOST_WORKERS = 1_000;
