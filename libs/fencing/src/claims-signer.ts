import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose';
import { ALGORITHMS, TOKEN_TYPE } from './claims.js';
import type { Keys } from './key-ring.js';

/** Longer than anything that is signed here; keeps a hostile text from costing anything. */
const LONGEST_TOKEN = 8_192;

/** A JWT that none of the given keys signed, of another type, or changed since. */
export class NotGenuine extends Error {
  constructor(type: string, cause?: unknown) {
    super(`This is no ${type} that was signed by one of the keys`, { cause });
    this.name = 'NotGenuine';
  }
}

/**
 * Signs claims with the key that signs fencing tokens. The type keeps one kind of statement from being taken for
 * another (RFC 8725): a verifier demands the one that it expects.
 */
export class ClaimsSigner {
  constructor(private readonly keys: Pick<Keys, 'active'>) {}

  /**
   * Undefined while there is no key to sign with.
   * @param type such as `incumbent-audit-checkpoint+jwt`, one per kind of statement; never that of fencing tokens
   */
  async sign(type: string, claims: Record<string, unknown>): Promise<string | undefined> {
    if (type === TOKEN_TYPE) throw new TypeError('Fencing tokens are issued by FencingTokens alone');
    const key = this.keys.active();
    if (!key) return undefined;
    const header = { alg: key.algorithm, kid: key.kid, typ: type };
    return new SignJWT(claims).setProtectedHeader(header).sign(key.privateKey);
  }
}

/** Answers the claims of a token. @throws NotGenuine */
export interface ReadClaims {
  (token: string): Promise<Record<string, unknown>>;
}

/**
 * Reads JWTs of one type, signed by one of these keys. When they were signed, and what of them still holds, is for
 * the caller to judge.
 */
export function claimsReader(type: string, jwks: { keys: readonly object[] }): ReadClaims {
  const keys = createLocalJWKSet({ keys: [...jwks.keys] });
  return async (token) => {
    if (token.length > LONGEST_TOKEN) throw new NotGenuine(type);
    try {
      const { payload } = await jwtVerify(token, keys, { typ: type, algorithms: [...ALGORITHMS] });
      return payload;
    } catch (error) {
      throw new NotGenuine(type, error);
    }
  };
}
