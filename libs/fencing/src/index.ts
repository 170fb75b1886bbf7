/**
 * Fencing tokens: the key ring, signing, verification and the JWKS.
 *
 * A token carries the fence of a term. What protects a resource is that it compares fences; the signature only
 * proves who issued the number. Signing needs no network: keys are in memory, loaded from Postgres in the
 * background, and a replica that has none grants leaderships without tokens until it has (A1).
 */
import { FencingTokenLedger } from './fencing-token.entity.js';
import { SigningKeys } from './signing-key.entity.js';

/** The rows of this library, for the data source. */
export const FENCING_ENTITIES = [SigningKeys, FencingTokenLedger];

export { type Algorithm, audienceOf, type FencingClaims } from './claims.js';
export { ClaimsSigner, claimsReader, NotGenuine, type ReadClaims } from './claims-signer.js';
export { createKeyRing, issuerOf } from './create-key-ring.js';
export {
  DEFAULT_LIFETIME_MS,
  FencingTokens,
  type FencingTokensOptions,
  type TokenSubject,
  type Verdict,
} from './fencing-tokens.js';
export { KeyRing, type KeyRingOptions, type Keys } from './key-ring.js';
export { KeyRotation, type RotationOutcome, type SigningKeySummary } from './key-rotation.js';
export { KeySealer, WrongMasterKey } from './key-sealer.js';
export type { PublishedJwk, SigningKey, VerifyingKey } from './signing-key.js';
export { eraseExpiredKeys, SigningKeyStore } from './signing-key-store.js';
export { type LedgerEntry, ledgerEntryOf, ledgerEntrySchema, TokenLedger } from './token-ledger.js';
