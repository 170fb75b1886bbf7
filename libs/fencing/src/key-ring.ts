import type { Clock, Timer } from '#core';
import { hasCode } from '#core';
import type { Logger } from '#telemetry';
import type { Algorithm } from './claims.js';
import type { KeySealer } from './key-sealer.js';
import {
  type PublishedJwk,
  type SigningKey,
  type StoredKey,
  type VerifyingKey,
  importSigningKey,
  importVerifyingKey,
  newStoredKey,
} from './signing-key.js';
import type { SigningKeyStore } from './signing-key-store.js';

/**
 * How late a replica may notice that another rotated, or that a key was removed in an emergency. A new key is
 * published far longer before its first use.
 */
const KEY_REFRESH_MS = 15_000;
/** While there is no key to sign with. */
const RETRY_EVERY_MS = 1_000;
/** An unknown key id may cause one extra look, not one per token that somebody sends (a DoS amplifier). */
const UNKNOWN_KEY_COOLDOWN_MS = 10_000;

/** Keys by which tokens are signed and verified. */
export interface Keys {
  /** The key that signs; undefined while none could be loaded. */
  active(): SigningKey | undefined;
  /** The public key of this id; looks again, at most now and then, when it is not known. */
  find(kid: string): Promise<VerifyingKey | undefined>;
  /** Whether tokens of this key are still good. */
  has(kid: string): boolean;
}

export interface KeyRingOptions {
  algorithm: Algorithm;
  /** Of the tokens; decides how long a retired key stays published. */
  tokenLifetimeMs: number;
}

/**
 * The signing keys, in memory. The first replica to find none makes one. Loading goes on in the background while
 * Postgres is away: until it succeeds nothing is signed (grants stand, tokens follow), and once it has succeeded
 * an outage changes nothing.
 */
export class KeyRing implements Keys {
  private readonly known = new Map<string, VerifyingKey>();
  private published: StoredKey[] = [];
  private signing: SigningKey | undefined;
  private loading: Promise<void> | undefined;
  private timer: Timer | undefined;
  private closed = false;
  private lastUnknownMs = Number.NEGATIVE_INFINITY;
  private lastProblem = '';

  constructor(
    private readonly store: SigningKeyStore,
    private readonly sealer: KeySealer,
    private readonly options: KeyRingOptions,
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  /** Begins to load, in the background, and keeps up with rotations made elsewhere. */
  start(): void {
    this.timer = this.clock.after(0, () => void this.refresh());
  }

  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.loading?.catch(() => undefined);
  }

  active(): SigningKey | undefined {
    return this.signing;
  }

  has(kid: string): boolean {
    return this.known.has(kid);
  }

  async find(kid: string): Promise<VerifyingKey | undefined> {
    const key = this.known.get(kid);
    const nowMs = this.clock.monotonicMs();
    if (key || this.closed || nowMs - this.lastUnknownMs < UNKNOWN_KEY_COOLDOWN_MS) return key;
    this.lastUnknownMs = nowMs;
    await this.load().catch(() => undefined);
    return this.known.get(kid);
  }

  /** The JWKS document: every key under which an unexpired token may exist or soon will. */
  jwks(): { keys: PublishedJwk[] } {
    const nowMs = this.clock.wallTimeMs();
    const current = this.published.filter((key) => key.expiresAt === null || key.expiresAt.getTime() > nowMs);
    return { keys: current.flatMap((key) => this.known.get(key.kid)?.published ?? []) };
  }

  /**
   * Loads once. Callers at the same moment share one load.
   * @throws WrongMasterKey, IncumbentError database.unavailable
   */
  load(): Promise<void> {
    this.loading ??= this.loadNow().finally(() => (this.loading = undefined));
    return this.loading;
  }

  private async loadNow(): Promise<void> {
    const stored: StoredKey[] = await this.store.list();
    const isActive = (key: StoredKey): boolean =>
      key.state === 'active' && key.algorithm === this.options.algorithm;
    const active = stored.find(isActive) ?? (await this.makeFirst());
    const all = stored.includes(active) ? stored : [active, ...stored];
    for (const key of all) {
      if (!this.known.has(key.kid)) this.known.set(key.kid, await importVerifyingKey(key));
    }
    // A row that is gone was removed in an emergency: its tokens are void.
    const kids = new Set(all.map((key) => key.kid));
    for (const kid of this.known.keys()) if (!kids.has(kid)) this.known.delete(kid);
    this.published = all;
    if (this.signing?.kid === active.kid) return;
    this.signing = undefined;
    this.signing = await importSigningKey(active, this.sealer);
    this.logger.info({ kid: active.kid, algorithm: active.algorithm }, 'signing key loaded');
  }

  private async makeFirst(): Promise<StoredKey> {
    return this.store.addFirst(await newStoredKey(this.options.algorithm, 'active', this.sealer));
  }

  private async refresh(): Promise<void> {
    try {
      await this.load();
      this.lastProblem = '';
    } catch (error) {
      this.report(error);
    } finally {
      const pauseMs = this.signing ? KEY_REFRESH_MS : RETRY_EVERY_MS;
      if (!this.closed) this.timer = this.clock.after(pauseMs, () => void this.refresh());
    }
  }

  /** Says each problem once: an outage lasts, its log line need not. */
  private report(error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (problem === this.lastProblem) return;
    this.lastProblem = problem;
    if (hasCode(error, 'database.unavailable')) {
      this.logger.warn('no signing keys yet; fencing tokens follow when the database is back');
    } else {
      this.logger.error({ err: error }, 'the signing keys could not be loaded; no fencing token is signed');
    }
  }
}
