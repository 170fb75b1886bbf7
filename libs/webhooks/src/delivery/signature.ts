import { createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto';

const V1_PREFIX = 'whsec_';
const V1A_PREFIX = 'whsk_';
/** Bytes of an Ed25519 seed or public key. */
const ED25519_BYTES = 32;

/** What is signed, as Standard Webhooks has it: `id.timestamp.body`, over the exact bytes that are sent. */
export interface Signable {
  /** `webhook-id`: the same for every attempt at a message; must contain no dot. */
  id: string;
  /** `webhook-timestamp`, seconds since the Unix epoch: of this attempt. */
  timestamp: number;
  body: Buffer;
}

/**
 * The three headers of Standard Webhooks, with one signature per secret: after a rotation the old and the new one
 * sign side by side, and a receiver that knows either is content.
 * @param secrets `whsec_...` (HMAC-SHA256, `v1`) and `whsk_...` (Ed25519, `v1a`)
 */
export function signatureHeaders(message: Signable, secrets: readonly string[]): Record<string, string> {
  const head = Buffer.from(`${message.id}.${message.timestamp}.`);
  const content = Buffer.concat([head, message.body]);
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestamp),
    'webhook-signature': secrets.map((secret) => signatureOf(content, secret)).join(' '),
  };
}

function signatureOf(content: Buffer, secret: string): string {
  if (secret.startsWith(V1A_PREFIX)) {
    return `v1a,${sign(null, content, ed25519KeyOf(secret.slice(V1A_PREFIX.length))).toString('base64')}`;
  }
  const key = Buffer.from(secret.slice(V1_PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

/** The secret is the seed followed by the public key. */
function ed25519KeyOf(base64: string): KeyObject {
  const bytes = Buffer.from(base64, 'base64');
  const d = bytes.subarray(0, ED25519_BYTES).toString('base64url');
  const x = bytes.subarray(ED25519_BYTES).toString('base64url');
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
}
