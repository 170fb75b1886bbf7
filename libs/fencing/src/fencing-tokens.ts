import { compactVerify, decodeProtectedHeader } from 'jose';
import { type Clock, newId } from '#core';
import { type FencingClaims, TOKEN_TYPE, audienceOf, claimsSchema, headerSchema } from './claims.js';
import type { Keys } from './key-ring.js';
import { signJwt } from './sign-jwt.js';
import { type CachedToken, TokenCache } from './token-cache.js';

/** A term for which a token is wanted: the caller has just been granted it. */
export interface TokenSubject {
  tenantId: string;
  electionId: string;
  /** The election's name. */
  election: string;
  candidateId: string;
  /** The candidate's name. */
  candidate: string;
  seat: number;
  epoch: number;
  term: number;
  fence: number;
}

export type Verdict =
  | { ok: true; claims: FencingClaims; kid: string }
  | { ok: false; reason: 'malformed' | 'bad_signature' }
  /** It was genuine; the claims are its own. */
  | { ok: false; reason: 'expired'; claims: FencingClaims };

export interface FencingTokensOptions {
  issuer: string;
  lifetimeMs?: number;
  /** Terms whose token is kept, at about 700 bytes each. */
  cacheSize?: number;
  /** Told of every token that is signed, once. Must not throw and must not wait. */
  onIssued?: (claims: FencingClaims, kid: string) => void;
}

/**
 * Four times the longest ttlMs (15 min). A token is replaced at half its age and a leader asks at least once per
 * ttlMs, so one that renews always holds a token that is good for another 15 minutes.
 */
export const DEFAULT_LIFETIME_MS = 60 * 60_000;
const DEFAULT_CACHE_SIZE = 50_000;
/** Longer than any token of ours; keeps a hostile one from costing anything. */
const LONGEST_TOKEN = 4_096;

/**
 * Issues and checks fencing tokens.
 *
 * A token says "this candidate was leader of this term when it was signed", not "it still is": a resource that
 * compares fences is protected, a signature alone protects nothing. The issuer is not checked on verification,
 * because replicas may be reached by several names; the key and the `typ` prove that the token is ours.
 */
export class FencingTokens {
  private readonly cache: TokenCache;
  private readonly lifetimeMs: number;

  constructor(
    private readonly keys: Keys,
    private readonly options: FencingTokensOptions,
    private readonly clock: Clock,
  ) {
    this.lifetimeMs = options.lifetimeMs ?? DEFAULT_LIFETIME_MS;
    this.cache = new TokenCache(options.cacheSize ?? DEFAULT_CACHE_SIZE);
  }

  /**
   * The token of a granted term: the one already signed while it is young, else a new one. A reply that was lost
   * lost no token: the next call gets it again. Undefined while there is no key; the grant stands without it.
   */
  tokenFor(subject: TokenSubject): string | undefined {
    const key = `${subject.electionId}/${subject.seat}/${subject.fence}/${subject.candidateId}`;
    const cached = this.cache.get(key);
    if (cached && this.isYoung(cached)) return cached.token;
    const signed = this.sign(subject);
    if (signed) this.cache.set(key, signed);
    return signed?.token;
  }

  /** Whether a token is ours, unchanged and unexpired; says nothing about whether its term still lasts. */
  async verify(token: string): Promise<Verdict> {
    const kid = this.readHeader(token);
    if (kid === undefined) return { ok: false, reason: 'malformed' };
    const key = await this.keys.find(kid);
    if (!key) return { ok: false, reason: 'bad_signature' };
    let payload: Uint8Array;
    try {
      // The algorithm is the key's. What the header says has to agree and never chooses.
      ({ payload } = await compactVerify(token, key.publicKey, { algorithms: [key.algorithm] }));
    } catch {
      return { ok: false, reason: 'bad_signature' };
    }
    const claims = readClaims(payload);
    if (!claims) return { ok: false, reason: 'malformed' };
    if (claims.exp * 1000 <= this.clock.wallTimeMs()) return { ok: false, reason: 'expired', claims };
    return { ok: true, claims, kid };
  }

  /** The key id of a token that has our form; undefined for every other text. */
  private readHeader(token: string): string | undefined {
    const segments = token.length <= LONGEST_TOKEN ? token.split('.') : [];
    // Only the canonical spelling: base64url has spare bits that would make one signature many texts.
    if (segments.length !== 3 || !segments.every(isCanonical)) return undefined;
    try {
      return headerSchema.safeParse(decodeProtectedHeader(token)).data?.kid;
    } catch {
      return undefined;
    }
  }

  private isYoung(cached: CachedToken): boolean {
    return this.clock.monotonicMs() - cached.signedMs < this.lifetimeMs / 2 && this.keys.has(cached.kid);
  }

  private sign(subject: TokenSubject): CachedToken | undefined {
    const key = this.keys.active();
    if (!key) return undefined;
    const signedMs = this.clock.monotonicMs();
    const claims = this.claimsOf(subject);
    const token = signJwt(key, TOKEN_TYPE, claims);
    this.options.onIssued?.(claims, key.kid);
    return { token, kid: key.kid, signedMs };
  }

  private claimsOf(subject: TokenSubject): FencingClaims {
    const iat = Math.floor(this.clock.wallTimeMs() / 1000);
    return {
      iss: this.options.issuer,
      sub: subject.candidate,
      aud: audienceOf(subject.tenantId, subject.election),
      tenant: subject.tenantId,
      election: subject.election,
      seat: subject.seat,
      term: subject.term,
      fence: subject.fence,
      epoch: subject.epoch,
      jti: newId('tok'),
      iat,
      exp: iat + Math.ceil(this.lifetimeMs / 1000),
    };
  }
}

function isCanonical(segment: string): boolean {
  return segment.length > 0 && Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function readClaims(payload: Uint8Array): FencingClaims | undefined {
  try {
    return claimsSchema.safeParse(JSON.parse(Buffer.from(payload).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
