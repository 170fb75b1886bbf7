import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { newSecret } from '../secrets.js';
import { signatureHeaders } from './signature.js';

/** The public package refuses timestamps that are not of this moment. */
const now = (): number => Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);

describe('signatureHeaders', () => {
  it('is accepted by the public Standard Webhooks package, whatever the body holds', () => {
    const { secret } = newSecret('v1');
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const body = Buffer.from(JSON.stringify(value));
        const headers = signatureHeaders({ id: 'evt_1', timestamp: now(), body }, [secret]);
        expect(() => new Webhook(secret).verify(body.toString(), headers)).not.toThrow();
      }),
    );
  });

  it('is refused when body, id or timestamp were changed, or under another secret', () => {
    const { secret } = newSecret('v1');
    const body = Buffer.from('{"fence":7}');
    const headers = signatureHeaders({ id: 'evt_1', timestamp: now(), body }, [secret]);
    const refused = (text: string, changed: Record<string, string>, key = secret): void =>
      expect(() => new Webhook(key).verify(text, { ...headers, ...changed })).toThrow();
    refused('{"fence":8}', {});
    refused(body.toString(), { 'webhook-id': 'evt_2' });
    refused(body.toString(), { 'webhook-timestamp': String(now() - 1) });
    refused(body.toString(), {}, newSecret('v1').secret);
  });

  it('signs with every secret, so that the old and the new one verify during a rotation', () => {
    const secrets = [newSecret('v1').secret, newSecret('v1').secret, newSecret('v1a').secret];
    const body = Buffer.from('{}');
    const headers = signatureHeaders({ id: 'evt_1', timestamp: now(), body }, secrets);
    for (const secret of secrets.slice(0, 2))
      expect(() => new Webhook(secret).verify('{}', headers)).not.toThrow();
    expect(headers['webhook-signature']?.split(' ').map((part) => part.split(',')[0])).toEqual([
      'v1',
      'v1',
      'v1a',
    ]);
  });

  it('verifies with the published Ed25519 key as v1a', () => {
    const made = newSecret('v1a');
    const body = Buffer.from('{"a":"\u00e9"}');
    const headers = signatureHeaders({ id: 'evt_1', timestamp: 1_700_000_000, body }, [made.secret]);
    const [version, signature = ''] = headers['webhook-signature']?.split(',') ?? [];
    expect(version).toBe('v1a');
    const x = Buffer.from(made.publicKey?.slice('whpk_'.length) ?? '', 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const signed = Buffer.concat([Buffer.from('evt_1.1700000000.'), body]);
    expect(verify(null, signed, key, Buffer.from(signature, 'base64'))).toBe(true);
  });
});
