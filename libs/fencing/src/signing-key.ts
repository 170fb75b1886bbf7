import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import {
  type CryptoKey,
  type JWK,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
} from 'jose';
import type { Algorithm } from './claims.js';
import type { KeySealer } from './key-sealer.js';
import type { KeyState } from './signing-key.entity.js';

/** A public key as verifiers get it: explicit kid, algorithm and use, nothing private. */
export type PublishedJwk = JWK & { kid: string; alg: Algorithm; use: 'sig' };

export interface VerifyingKey {
  kid: string;
  algorithm: Algorithm;
  publicKey: CryptoKey;
  published: PublishedJwk;
}

export interface SigningKey extends VerifyingKey {
  privateKey: KeyObject;
}

/** A key as it is stored. */
export interface StoredKey {
  kid: string;
  algorithm: Algorithm;
  state: KeyState;
  publicJwk: JWK;
  sealedPrivateKey: string;
  expiresAt: Date | null;
}

/** Makes a new key pair, ready to be stored. Its private part exists outside the seal only within this call. */
export async function newStoredKey(
  algorithm: Algorithm,
  state: KeyState,
  sealer: KeySealer,
): Promise<StoredKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const privateJwk = JSON.stringify(await exportJWK(pair.privateKey));
  return {
    kid,
    algorithm,
    state,
    publicJwk,
    sealedPrivateKey: sealer.seal(kid, privateJwk),
    expiresAt: null,
  };
}

export async function importVerifyingKey(stored: StoredKey): Promise<VerifyingKey> {
  const { kid, algorithm } = stored;
  const { kty, crv, x, y } = stored.publicJwk;
  const publicJwk: JWK = { kty, ...(crv && { crv }), ...(x && { x }), ...(y && { y }) };
  return {
    kid,
    algorithm,
    publicKey: await importAsymmetric(publicJwk, algorithm),
    published: { ...publicJwk, kid, alg: algorithm, use: 'sig' },
  };
}

/** @throws WrongMasterKey */
export async function importSigningKey(stored: StoredKey, sealer: KeySealer): Promise<SigningKey> {
  const privateJwk = JSON.parse(sealer.open(stored.kid, stored.sealedPrivateKey)) as JsonWebKey;
  const privateKey = createPrivateKey({ key: privateJwk, format: 'jwk' });
  return { ...(await importVerifyingKey(stored)), privateKey };
}

async function importAsymmetric(jwk: JWK, algorithm: Algorithm): Promise<CryptoKey> {
  const key = await importJWK(jwk, algorithm, { extractable: false });
  if (key instanceof Uint8Array) throw new TypeError('a signing key cannot be symmetric');
  return key;
}
