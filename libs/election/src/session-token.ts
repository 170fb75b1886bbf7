/**
 * A session token is all that a renewal needs: session id, tenant, ttlMs and incarnation under a MAC. It can be
 * minted before the session is committed, and checked without a look-up. Whoever holds it can renew and resign,
 * so it is a secret of the participant: request bodies only, never a URL or a log.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { IncumbentError, toBase32 } from '#core';
import type { SessionRecord } from './records.js';

export interface SessionIdentity extends SessionRecord {
  sessionId: string;
}

const PREFIX = 'ses_';
const MAC_BYTES = 16;
const LONGEST_TOKEN = 512;
/** Tokens remembered as genuine in each of two generations: some 20 MB at most. */
const REMEMBERED = 20_000;

export class SessionTokens {
  /** Made once: a MAC under raw bytes builds a key object each time, which costs five times the MAC. */
  readonly #secret: KeyObject;
  /**
   * What genuine tokens name: a session is renewed again and again, and its MAC costs more than all else of it. Only
   * tokens that were verified are here, and what they say cannot change; whether the session lives is never asked here.
   */
  #genuine = new Map<string, Readonly<SessionIdentity>>();
  #older: ReadonlyMap<string, Readonly<SessionIdentity>> = new Map();

  /** @param secret at least 32 bytes, the same on every replica of the deployment */
  constructor(secret: Uint8Array) {
    this.#secret = createSecretKey(secret);
  }

  mint(session: SessionIdentity): string {
    const { sessionId, tenantId, ttlMs, incarnation } = session;
    const body = Buffer.from(`${sessionId} ${tenantId} ${ttlMs} ${incarnation}`).toString('base64url');
    const token = `${PREFIX}${body}.${this.#mac(body).toString('base64url')}`;
    this.#remember(token, { sessionId, tenantId, ttlMs, incarnation });
    return token;
  }

  /**
   * The session that a token names.
   * @throws IncumbentError session.unknown for anything that this service did not mint for this tenant: a forged
   * token and another tenant's look the same.
   */
  parse(token: string, tenantId: string): SessionIdentity {
    const session =
      this.#genuine.get(token) ?? this.#remember(token, this.#older.get(token) ?? this.#open(token));
    if (session?.tenantId !== tenantId) {
      throw new IncumbentError(
        'session.unknown',
        'Use the `session` of your latest answer, or make a new one.',
      );
    }
    return session;
  }

  /** A session id that follows from the Idempotency-Key of a stand, so that nothing need be stored (S4). */
  derivedSessionId(tenantId: string, electionId: string, idempotencyKey: string): string {
    const parts = ['stand', tenantId, electionId, idempotencyKey].join('\n');
    return `${PREFIX}${toBase32(createHmac('sha256', this.#secret).update(parts).digest().subarray(0, 15))}`;
  }

  /** The id of the session that a key of `POST /v1/sessions` makes, for the same reason. */
  derivedOpenId(tenantId: string, idempotencyKey: string): string {
    const parts = ['open', tenantId, idempotencyKey].join('\n');
    return `${PREFIX}${toBase32(createHmac('sha256', this.#secret).update(parts).digest().subarray(0, 15))}`;
  }

  #remember(token: string, session: SessionIdentity | undefined): SessionIdentity | undefined {
    if (!session) return undefined;
    if (this.#genuine.size >= REMEMBERED) {
      this.#older = this.#genuine;
      this.#genuine = new Map();
    }
    this.#genuine.set(token, Object.freeze(session));
    return session;
  }

  #open(token: string): SessionIdentity | undefined {
    const dot = token.indexOf('.');
    if (!token.startsWith(PREFIX) || dot < 0 || token.length > LONGEST_TOKEN) return undefined;
    const body = token.slice(PREFIX.length, dot);
    const given = Buffer.from(token.slice(dot + 1), 'base64url');
    if (given.length !== MAC_BYTES || !timingSafeEqual(given, this.#mac(body))) return undefined;
    const [sessionId = '', tenantId = '', ttlMs = '', incarnation = ''] = Buffer.from(body, 'base64url')
      .toString()
      .split(' ');
    return { sessionId, tenantId, ttlMs: Number(ttlMs), incarnation };
  }

  #mac(body: string): Buffer {
    return createHmac('sha256', this.#secret).update(`session\n${body}`).digest().subarray(0, MAC_BYTES);
  }
}
