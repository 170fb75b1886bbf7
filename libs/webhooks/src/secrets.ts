import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { newId, Sealer } from '#core';
import type { EndpointRow, SecretKind, SecretRow } from './endpoint.entity.js';

/** Bytes of a v1 secret. */
const V1_BYTES = 32;
/** Bytes of an Ed25519 seed or public key. */
const ED25519_BYTES = 32;

export interface NewSecret {
  kind: SecretKind;
  /** `whsec_...` or `whsk_...`, as Standard Webhooks spells them. */
  secret: string;
  publicKey: string | null;
}

/** A new secret; for v1a the base64 is of the seed followed by the public key, as Standard Webhooks has it. */
export function newSecret(kind: SecretKind): NewSecret {
  if (kind === 'v1') {
    return { kind, secret: `whsec_${randomBytes(V1_BYTES).toString('base64')}`, publicKey: null };
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
  const seed = Buffer.from(d, 'base64url');
  const point = Buffer.from(x, 'base64url');
  if (seed.length !== ED25519_BYTES || point.length !== ED25519_BYTES)
    throw new Error('Ed25519 keys are 32 bytes');
  return {
    kind,
    secret: `whsk_${Buffer.concat([seed, point]).toString('base64')}`,
    publicKey: `whpk_${point.toString('base64')}`,
  };
}

/** Seals what an endpoint keeps secret, each thing bound to its place: a sealed text moved elsewhere does not open. */
export class EndpointSeal {
  private readonly sealer: Sealer;

  constructor(masterKey: string) {
    this.sealer = new Sealer(masterKey, 'incumbent/webhook-endpoint-seal/v1');
  }

  /** A row for a secret that is current from now on. */
  secretRow(endpoint: { tenantId: string; id: string }, made: NewSecret, now: Date): SecretRow {
    const id = newId('whs');
    const place = { tenantId: endpoint.tenantId, endpointId: endpoint.id, id };
    return {
      ...place,
      sealedSecret: this.sealer.seal(secretName(place), made.secret),
      kind: made.kind,
      publicKey: made.publicKey,
      createdAt: now,
      expiresAt: null,
    };
  }

  /** @throws SealBroken */
  openSecret(row: Pick<SecretRow, 'tenantId' | 'endpointId' | 'id' | 'sealedSecret'>): string {
    return this.sealer.open(secretName(row), row.sealedSecret);
  }

  sealHeaders(
    endpoint: { tenantId: string; id: string },
    headers: Record<string, string>,
  ): Record<string, string> {
    return mapValues(headers, (name, value) => this.sealer.seal(headerName(endpoint, name), value));
  }

  /** @throws SealBroken */
  openHeaders(endpoint: Pick<EndpointRow, 'tenantId' | 'id' | 'headers'>): Record<string, string> {
    return mapValues(endpoint.headers, (name, sealed) =>
      this.sealer.open(headerName(endpoint, name), sealed),
    );
  }
}

function secretName({ tenantId, endpointId, id }: Pick<SecretRow, 'tenantId' | 'endpointId' | 'id'>): string {
  return `${tenantId}/${endpointId}/secret/${id}`;
}

function headerName(endpoint: { tenantId: string; id: string }, name: string): string {
  return `${endpoint.tenantId}/${endpoint.id}/header/${name}`;
}

function mapValues(
  values: Record<string, string>,
  map: (name: string, value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(name, value)]));
}
