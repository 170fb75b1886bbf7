/**
 * The relay: brings what every change left in the coordination store's outbox to Postgres, once and in order (D1).
 *
 * Guarantee. A key of the outbox is removed only after a transaction with its rows was answered as committed. That
 * transaction holds the relay's fence, so that of several workers which believe to relay only the newest writes; and
 * the history takes an event only after the one before it. So whatever dies or stands still at whatever instant, what
 * is not yet written is listed again, and what is written twice is written once.
 *
 * Not guaranteed. When: while Postgres is away the outbox grows, until the coordination store sheds campaigns.
 */
import { type Clock, hasCode, type IncumbentError, type Timer } from '#core';
import type { EventRecord, ViewListener } from '#election';
import { HistoryGap, type HistoryWriter, RelaySuperseded, takeRelayFence } from '#history';
import type { Database } from '#postgres';
import type { Logger } from '#telemetry';
import { Batch } from './batch.js';
import { isStoreFailure, type Outbox } from './outbox.js';
import type { OutboxWatch } from './outbox-watch.js';
import type { RelaySeat } from './relay-seat.js';
import type { Sink } from './sink.js';

/** Keys per transaction: with the largest metadata some 2.5 MB, with the usual 300 kB and 30 ms. */
const MOST_AT_ONCE = 500;
/** What a slow database is brought down to, by halves. */
const LEAST_AT_ONCE = 8;
/**
 * Statements in a row that did not get their turn although the server is well: so many it takes to find the one election
 * of a page whose rows are locked, and with more the server is too slow for everybody.
 */
const MOST_TIMEOUTS = 10;
/** The floor under lost wake-ups. */
const LOOK_EVERY_MS = 5_000;
/** After a pass that failed; doubles up to the longest. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

export interface RelayParts {
  seat: RelaySeat;
  outbox: Outbox;
  database: Pick<Database, 'transaction'>;
  history: Pick<HistoryWriter, 'append'>;
  /** In this order, after the history. */
  sinks: readonly Sink[];
  watch: OutboxWatch;
  logger: Logger;
  clock: Clock;
}

export class Relay {
  private woken = false;
  private wakeUp: () => void = () => undefined;
  private closed = false;
  private running: Promise<void> | undefined;
  private atOnce = MOST_AT_ONCE;
  private failures = 0;
  private timeouts = 0;
  /** Whether the transaction at hand got as far as holding the fence: what it waits for after is its batch's concern. */
  private fenced = false;
  private led = false;

  constructor(private readonly parts: RelayParts) {
    parts.seat.onElected = () => this.wake();
  }

  /** What the view has to tell for the relay to look at once. A hint: what is missed is found within seconds. */
  readonly listener: ViewListener = {
    eventSeen: () => this.wake(),
    actSeen: () => this.wake(),
    relisted: () => this.wake(),
  };

  start(): void {
    this.parts.seat.start();
    this.running = this.run();
  }

  /** Ends the pass under way, then gives the seat up. Nothing that is cut off is lost. */
  async close(): Promise<void> {
    this.closed = true;
    this.wake();
    await this.running;
    await this.parts.seat.close();
    this.parts.watch.ended();
  }

  private wake(): void {
    this.woken = true;
    this.wakeUp();
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      this.woken = false;
      const { fence } = this.parts.seat;
      this.noteTerm(fence);
      const done = fence === undefined || (await this.tryPass(fence));
      this.failures = done ? 0 : this.failures + 1;
      const retryMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.failures, 10));
      await this.sleep(done ? LOOK_EVERY_MS : retryMs, done);
    }
  }

  private noteTerm(fence: number | undefined): void {
    const leads = fence !== undefined;
    if (leads && !this.led) this.parts.watch.begun();
    if (!leads && this.led) this.parts.watch.ended();
    this.led = leads;
  }

  /** Until the time is over or, if it may be woken, somebody wakes it. */
  private async sleep(ms: number, wakeable: boolean): Promise<void> {
    if (this.closed || (wakeable && this.woken)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer: Timer = this.parts.clock.after(ms, resolve);
    this.wakeUp = () => {
      if (wakeable || this.closed) resolve();
    };
    await promise;
    timer.cancel();
  }

  private async tryPass(fence: number): Promise<boolean> {
    try {
      await this.pass(fence);
      return true;
    } catch (error) {
      if (error instanceof RelaySuperseded) await this.superseded(error);
      else this.parts.logger.debug({ err: error }, 'the outbox was not emptied; trying again');
      return false;
    }
  }

  /** Everything that waits at this moment, page by page at one revision: no election waits behind a busy one. */
  private async pass(fence: number): Promise<void> {
    const { outbox, watch, clock, seat } = this.parts;
    const pinnedAtMs = clock.monotonicMs();
    const revision = await outbox.pin();
    const held = new Set<string>();
    let after: string | undefined;
    for (let more = true; more && !this.closed;) {
      if (seat.fence !== fence) return;
      const page = await outbox.page(revision, after, this.atOnce);
      const batch = Batch.of(page.entries);
      watch.saw(page.count, batch.events);
      for (const key of batch.unreadable)
        this.parts.logger.error({ key }, 'kept in the outbox: not readable');
      await this.carry(batch.without(held), fence, held);
      after = page.entries.at(-1)?.key;
      ({ more } = page);
    }
    if (!this.closed) watch.passed(pinnedAtMs, held.size);
  }

  /**
   * Writes a batch and removes it. Where a part of it cannot be written the others are, and it is held until the next
   * pass: whatever is wrong with one election's events is no other's concern.
   */
  private async carry(batch: Batch, fence: number, held: Set<string>): Promise<void> {
    if (batch.isEmpty) return;
    let fresh: readonly EventRecord[];
    try {
      fresh = await this.write(batch.inOrder(), fence);
    } catch (error) {
      if (this.isOutage(error)) throw error;
      const [first, second] = batch.halves();
      if (second.isEmpty) return this.hold(first, error, held);
      await this.carry(first, fence, held);
      return this.carry(second, fence, held);
    }
    this.timeouts = 0;
    this.atOnce = Math.min(MOST_AT_ONCE, this.atOnce * 2);
    this.parts.watch.wrote(fresh);
    for (const sink of this.parts.sinks) this.tellCommitted(sink, fresh);
    await this.parts.outbox.remove(batch.entries);
  }

  /** Returns once the rows are durable. Rejects when they are not, or when nobody knows. */
  private async write(batch: Batch, fence: number): Promise<readonly EventRecord[]> {
    const { database, history, sinks } = this.parts;
    const { events, acts } = batch;
    this.fenced = false;
    return database.transaction(async (rows) => {
      await takeRelayFence(rows, fence);
      this.fenced = true;
      const fresh = await history.append(rows, events);
      for (const sink of sinks) await sink.append(rows, fresh, acts);
      return fresh;
    });
  }

  /** What has nothing to do with what was to be written. A slow database may manage less at once; see MOST_TIMEOUTS. */
  private isOutage(error: unknown): boolean {
    if (hasCode(error, 'database.unavailable')) {
      this.atOnce = Math.max(LEAST_AT_ONCE, Math.floor(this.atOnce / 2));
      this.timeouts += 1;
      if (this.fenced && isTimeout(error) && this.timeouts < MOST_TIMEOUTS) return false;
      this.timeouts = 0;
      return true;
    }
    return error instanceof RelaySuperseded || isStoreFailure(error);
  }

  private hold(batch: Batch, error: unknown, held: Set<string>): void {
    for (const part of batch.parts) held.add(part);
    const level = error instanceof HistoryGap ? 'warn' : 'error';
    this.parts.logger[level]({ err: error, part: [...batch.parts][0] }, 'kept in the outbox: not written');
  }

  private tellCommitted(sink: Sink, events: readonly EventRecord[]): void {
    try {
      sink.committed?.(events);
    } catch (error) {
      this.parts.logger.warn({ err: error }, 'nobody was woken; the rows are found all the same');
    }
  }

  private async superseded(error: RelaySuperseded): Promise<void> {
    const { seat, logger } = this.parts;
    // With a fence of now it means that the coordination store is another or an older one, its epoch not raised.
    logger.error({ err: error }, 'another relay has gone on; stepping down');
    await seat.stepDown();
  }
}

/** Whether a statement took too long, most likely because it waited for rows that somebody else has locked. */
function isTimeout({ cause }: IncumbentError): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === '57014' || cause.code === '55P03');
}
