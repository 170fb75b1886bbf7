import { type Clock, hasCode, type Timer, withDeadline } from '#core';
import type { Logger } from '#telemetry';
import type { EndpointRef, EndpointWaker } from '../outbox.js';
import type { Claims } from './claims.js';
import type { ClaimedDelivery } from './claimed-delivery.js';
import type { Sender } from './sender.js';

/** Of one worker, at the same moment. Across workers an endpoint's cap holds too, but for claims that race. */
export interface DispatcherLimits {
  slots: number;
  /** Of them at most for endpoints that fail: receivers that time out leave the others to those that answer. */
  failingSlots: number;
  perTenant: number;
  perEndpoint: number;
  /** How often everything is looked through: what lost its wake-up, what is due again, what a dead worker held. */
  sweepEveryMs: number;
}

export const DEFAULT_LIMITS: DispatcherLimits = {
  slots: 128,
  failingSlots: 48,
  perTenant: 32,
  perEndpoint: 16,
  sweepEveryMs: 1_000,
};

/** Looking through everything takes at most this part of the time, however many lanes there are. */
const LOOKING_SHARE = 0.2;
/** After which flights are cut off and claims given back, once the time for ending is over. */
const LET_GO_WITHIN_MS = 2_000;

export interface DispatcherParts {
  claims: Claims;
  sender: Sender;
  /** Told whenever a look for what is due fails although Postgres is there. */
  onLookFailed: () => void;
}

interface Flight {
  delivery: ClaimedDelivery;
  cut: AbortController;
  done: Promise<void>;
}

/**
 * Keeps deliveries in flight. Rows in Postgres say what is due and who has it; this process holds nothing that
 * could be lost. To be woken is a hint that saves waiting for the next sweep.
 */
export class Dispatcher implements EndpointWaker {
  private readonly flights = new Map<string, Flight>();
  private readonly wanted = new Map<string, EndpointRef>();
  private everything = false;
  private claiming: Promise<void> | undefined;
  private timer: Timer | undefined;
  private lookAgainMs = 0;
  /** Whether rows may carry a claim of this worker that nothing here knows of: Postgres did not answer. */
  private hasOrphans = false;
  /** Whether looking through everything fails although Postgres is there; it was said then. */
  private isStuck = false;
  private closed = false;

  constructor(
    private readonly parts: DispatcherParts,
    private readonly limits: DispatcherLimits,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  start(): void {
    this.sweep();
  }

  /** Deliveries whose answer is awaited. */
  get inFlight(): number {
    return this.flights.size;
  }

  wake(endpoints: readonly EndpointRef[]): void {
    for (const ref of endpoints) this.wanted.set(`${ref.tenantId} ${ref.endpointId}`, ref);
    this.turn();
  }

  /** Claims nothing more, lets what is in flight end for at most `withinMs`, and gives back what did not. */
  async close(withinMs: number): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.claiming;
    const landed = (): Promise<unknown> =>
      Promise.allSettled([...this.flights.values()].map(({ done }) => done));
    try {
      await withDeadline(landed(), withinMs, 'ending deliveries in flight', this.clock);
    } catch {
      this.logger.warn({ inFlight: this.flights.size }, 'deliveries cut off; they are made again later');
      for (const { cut } of this.flights.values()) cut.abort();
      await withDeadline(landed(), LET_GO_WITHIN_MS, 'cutting off', this.clock).catch(() => undefined);
    }
    await withDeadline(this.parts.claims.release(), LET_GO_WITHIN_MS, 'giving back claims', this.clock).catch(
      (error: unknown) => this.logger.warn({ err: error }, 'claims were not given back; they lapse'),
    );
  }

  private sweep(): void {
    if (this.closed) return;
    this.everything = true;
    this.turn();
    this.timer = this.clock.after(this.limits.sweepEveryMs, () => this.sweep());
  }

  private turn(): void {
    const looks = this.everything && this.clock.monotonicMs() >= this.lookAgainMs;
    const idle = this.wanted.size === 0 && !looks;
    if (this.closed || this.claiming || idle || this.flights.size >= this.limits.slots) return;
    this.claiming = this.claim(looks).finally(() => {
      this.claiming = undefined;
      this.turn();
    });
  }

  /** Never rejects. */
  private async claim(everything: boolean): Promise<void> {
    const scope = everything ? undefined : [...this.wanted.values()];
    if (everything) this.everything = false;
    this.wanted.clear();
    const slots = this.limits.slots - this.flights.size;
    const beginMs = this.clock.monotonicMs();
    try {
      if (this.hasOrphans) await this.releaseOrphans();
      const claimed = await this.parts.claims.take(scope, { ...this.limits, slots, ...this.load() });
      if (everything) {
        this.lookAgainMs = restAfter(beginMs, this.clock.monotonicMs());
        this.noteSuccess();
      }
      // There may be more, and not of those who asked: whoever waits longest comes next.
      if (claimed.length >= slots) this.everything = true;
      for (const delivery of claimed) this.launch(delivery);
    } catch (error) {
      this.hasOrphans = true;
      this.noteFailure(error, everything);
    }
  }

  /**
   * An outage of Postgres is told by the connection to it. A look that fails beside that, because a statement took
   * too long or a lock was not had in time, is told here: once, until everything was looked through again. What
   * only some endpoints are owed is found by the look through everything.
   */
  private noteFailure(error: unknown, everything: boolean): void {
    if (hasCode(error, 'database.unavailable')) {
      if (!this.parts.claims.available()) return;
      if (everything && !this.isStuck) {
        this.isStuck = true;
        this.logger.warn({ err: error }, 'what is due could not be looked through; trying on');
      }
    } else this.logger.error({ err: error }, 'deliveries could not be claimed; trying on');
    this.parts.onLookFailed();
  }

  private noteSuccess(): void {
    if (this.isStuck) this.logger.info('what is due was looked through again');
    this.isStuck = false;
  }

  /** Otherwise their lanes would wait until the claims lapse. */
  private async releaseOrphans(): Promise<void> {
    this.hasOrphans = false;
    await this.parts.claims.release([...this.flights.keys()]);
  }

  private load(): { failingSlots: number; flights: Map<string, number> } {
    const flights = new Map<string, number>();
    let failing = 0;
    for (const { delivery } of this.flights.values()) {
      flights.set(delivery.tenantId, (flights.get(delivery.tenantId) ?? 0) + 1);
      if (delivery.failing) failing += 1;
    }
    return { failingSlots: Math.max(0, this.limits.failingSlots - failing), flights };
  }

  private launch(delivery: ClaimedDelivery): void {
    // Its claim lapsed while it was in flight here, and came back to this worker: once is enough.
    if (this.flights.has(delivery.id)) return;
    const cut = new AbortController();
    if (this.closed) cut.abort();
    const full = this.isFull(delivery);
    const done = this.fly(delivery, cut.signal).finally(() => {
      this.flights.delete(delivery.id);
      // Somebody may have been passed over for its sake.
      if (full || this.isFull(delivery)) this.everything = true;
      this.wake([{ tenantId: delivery.tenantId, endpointId: delivery.endpoint.id }]);
    });
    this.flights.set(delivery.id, { delivery, cut, done });
  }

  private isFull(delivery: ClaimedDelivery): boolean {
    const { failingSlots, flights } = this.load();
    const mine = flights.get(delivery.tenantId) ?? 0;
    return mine + 1 >= this.limits.perTenant || (delivery.failing && failingSlots <= 1);
  }

  /** Never rejects. */
  private async fly(delivery: ClaimedDelivery, signal: AbortSignal): Promise<void> {
    try {
      const sent = await this.parts.sender.send(delivery, signal);
      if (typeof sent === 'object') this.wake(sent.wake);
    } catch (error) {
      // What cannot even be prepared keeps its claim until it lapses, so that it does not come back at once.
      if (hasCode(error, 'database.unavailable')) this.hasOrphans = true;
      this.logger.error({ err: error, deliveryId: delivery.id }, 'a delivery could not be made or recorded');
    }
  }
}

/** When to look through everything again at the earliest. */
function restAfter(beginMs: number, endMs: number): number {
  return endMs + (endMs - beginMs) * (1 / LOOKING_SHARE - 1);
}
