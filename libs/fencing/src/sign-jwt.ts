import { sign } from 'node:crypto';
import type { Algorithm } from './claims.js';
import type { SigningKey } from './signing-key.js';

/** Ed25519 does its own hashing. */
const DIGESTS: Record<Algorithm, string | null> = { ES256: 'sha256', Ed25519: null };

/**
 * A JWT in compact form, signed before this returns: 40 us for ES256. A library signs by way of WebCrypto and Node's
 * thread pool, at more than twice the processor time, and in a process that idles the answer of the other thread is
 * half a millisecond to two away: the next leader would wait for it.
 */
export function signJwt(key: SigningKey, type: string, claims: object): string {
  const input = `${encoded({ alg: key.algorithm, kid: key.kid, typ: type })}.${encoded(claims)}`;
  // JWS wants the two numbers of an ECDSA signature side by side (RFC 7518 section 3.4), not in DER.
  const signature = sign(DIGESTS[key.algorithm], Buffer.from(input), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
