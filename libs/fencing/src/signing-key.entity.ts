import { EntitySchema } from 'typeorm';
import type { JWK } from 'jose';
import type { Algorithm } from './claims.js';

/** next: published, not yet used; active: signs; retired: published until its last token has expired. */
export type KeyState = 'next' | 'active' | 'retired';

/** A key that signs fencing tokens. */
export interface SigningKeyRow {
  /** RFC 7638 thumbprint of the public key. */
  kid: string;
  algorithm: Algorithm;
  state: KeyState;
  publicJwk: JWK;
  /** Encrypted under MASTER_KEY, see KeySealer. */
  sealedPrivateKey: string;
  createdAt: Date;
  activatedAt: Date | null;
  retiredAt: Date | null;
  /** When a retired key leaves the JWKS: no token of it can be unexpired then. */
  expiresAt: Date | null;
}

export const SigningKeys = new EntitySchema<SigningKeyRow>({
  name: 'SigningKey',
  tableName: 'signing_keys',
  columns: {
    kid: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName: 'signing_keys_pkey' },
    algorithm: { type: 'text' },
    state: { type: 'text' },
    publicJwk: { type: 'jsonb', name: 'public_jwk' },
    sealedPrivateKey: { type: 'text', name: 'sealed_private_key' },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
    activatedAt: { type: 'timestamptz', precision: 3, name: 'activated_at', nullable: true },
    retiredAt: { type: 'timestamptz', precision: 3, name: 'retired_at', nullable: true },
    expiresAt: { type: 'timestamptz', precision: 3, name: 'expires_at', nullable: true },
  },
  indices: [
    {
      name: 'signing_keys_active_idx',
      columns: ['algorithm'],
      unique: true,
      where: "(state = 'active'::text)",
    },
    { name: 'signing_keys_next_idx', columns: ['algorithm'], unique: true, where: "(state = 'next'::text)" },
  ],
  checks: [
    { name: 'signing_keys_algorithm_check', expression: "algorithm IN ('ES256', 'Ed25519')" },
    { name: 'signing_keys_state_check', expression: "state IN ('next', 'active', 'retired')" },
  ],
});
