import { type Act, type Caused, type Clock, IncumbentError, newAct } from '#core';
import type { ActLog, EntityManager } from '#postgres';
import type { KeyRingOptions } from './key-ring.js';
import type { KeySealer } from './key-sealer.js';
import { newStoredKey } from './signing-key.js';
import type { SigningKeyRow } from './signing-key.entity.js';
import type { SigningKeyStore } from './signing-key-store.js';

/** Verifiers cache a JWKS for about 10 minutes; until they must have seen a key, it does not sign. */
const PUBLISH_BEFORE_USE_MS = 30 * 60_000;
/** After the last token of a retired key has expired: room for wrong clocks. */
const KEEP_AFTER_EXPIRY_MS = 60 * 60_000;

/** How long a retired key stays published. */
function keptForMs(tokenLifetimeMs: number): number {
  return tokenLifetimeMs + KEEP_AFTER_EXPIRY_MS;
}

/** A signing key as people may see it. */
export type SigningKeySummary = Omit<SigningKeyRow, 'publicJwk' | 'sealedPrivateKey'> & {
  /** Of a next key: when it has been published for long enough. */
  usableFrom?: Date;
};

/** prepared: a next key was published; waiting: it is, and not for long enough yet; promoted: it signs. */
export type RotationOutcome = 'prepared' | 'waiting' | 'promoted';

/**
 * Rotation in two steps, each on record in its own transaction: a next key is published, and after 30 minutes, when
 * every verifier must have seen it, it signs. The one before stays published until its last token has expired.
 *
 * Replicas notice a change within 15 s; until then they sign with the old key, which verifies as well.
 */
export class KeyRotation {
  constructor(
    private readonly store: SigningKeyStore,
    private readonly sealer: KeySealer,
    private readonly options: KeyRingOptions,
    private readonly acts: ActLog,
    private readonly clock: Clock,
  ) {}

  /** Every key whose tokens may still be good, the newest first. @throws IncumbentError database.unavailable */
  async list(): Promise<SigningKeySummary[]> {
    const nowMs = this.clock.wallTimeMs();
    const rows = await this.store.list();
    return rows.filter((row) => row.expiresAt === null || row.expiresAt.getTime() > nowMs).map(summaryOf);
  }

  /**
   * Takes the next step of a rotation. In an emergency both at once: tokens of the new key are refused by verifiers
   * that have not fetched it yet, for as long as they cache the JWKS.
   * @throws IncumbentError database.unavailable
   */
  async rotate(caused: Caused, { emergency = false } = {}): Promise<RotationOutcome> {
    if (await this.promote(caused, emergency ? 0 : PUBLISH_BEFORE_USE_MS, emergency)) return 'promoted';
    const prepared = await this.prepare(caused);
    if (!emergency) return prepared ? 'prepared' : 'waiting';
    await this.promote(caused, 0, emergency);
    return 'promoted';
  }

  /**
   * What the worker does now and then: finishes a rotation that was begun, and begins one when the active key has
   * signed for `afterMs`. 0: begins none. Answers the step that was taken.
   * @throws IncumbentError database.unavailable
   */
  async keepUp(afterMs: number): Promise<RotationOutcome | undefined> {
    const caused: Caused = { actor: { type: 'system', id: 'key-rotation' }, context: {} };
    if (await this.promote(caused, PUBLISH_BEFORE_USE_MS, false)) return 'promoted';
    if (afterMs === 0 || !(await this.store.isOlderThan(this.options.algorithm, afterMs))) return undefined;
    return (await this.prepare(caused)) ? 'prepared' : undefined;
  }

  /**
   * Removes a key that is not in use, for when it is compromised: its tokens are void as soon as a replica or a
   * verifier notices. Repeating it answers that there is none.
   * @throws IncumbentError signing_key.not_found, signing_key.in_use
   */
  async remove(kid: string, caused: Caused): Promise<void> {
    await this.store.remove(kid, async (rows, row) => {
      if (row === null) {
        throw new IncumbentError(
          'signing_key.not_found',
          'Check the kid: there is no signing key with it, or it was removed.',
        );
      }
      if (row.state === 'active') {
        throw new IncumbentError(
          'signing_key.in_use',
          'Rotate first: POST /admin/v1/signing-keys/rotate, with {"emergency": true} if the key is compromised.',
          { executed: false },
        );
      }
      await this.record(rows, 'signing_key.removed', kid, { caused, metadata: { state: row.state } });
    });
  }

  private async prepare(caused: Caused): Promise<boolean> {
    const made = await newStoredKey(this.options.algorithm, 'next', this.sealer);
    const next = await this.store.addNext(made, (rows) =>
      this.record(rows, 'signing_key.prepared', made.kid, { caused }),
    );
    return next.kid === made.kid;
  }

  private async promote(caused: Caused, publishedForMs: number, emergency: boolean): Promise<boolean> {
    const keepMs = keptForMs(this.options.tokenLifetimeMs);
    const { algorithm } = this.options;
    return this.store.promote({ algorithm, publishedForMs, keepMs }, (rows, kid) =>
      this.record(rows, 'signing_key.promoted', kid, { caused, metadata: { emergency } }),
    );
  }

  private async record(
    rows: EntityManager,
    action: string,
    kid: string,
    { caused, metadata }: { caused: Caused; metadata?: Act['metadata'] },
  ): Promise<void> {
    const targets = [{ type: 'signing_key' as const, id: kid }];
    await this.acts.record(rows, [newAct(caused, { tenantId: null, action, targets, metadata }, this.clock)]);
  }
}

function summaryOf(row: SigningKeyRow): SigningKeySummary {
  const { kid, algorithm, state, createdAt, activatedAt, retiredAt, expiresAt } = row;
  const summary = { kid, algorithm, state, createdAt, activatedAt, retiredAt, expiresAt };
  if (state !== 'next') return summary;
  return { ...summary, usableFrom: new Date(createdAt.getTime() + PUBLISH_BEFORE_USE_MS) };
}
