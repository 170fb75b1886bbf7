import { describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { ALGORITHMS, type Algorithm, TOKEN_TYPE } from './claims.js';
import { ClaimsSigner, claimsReader, NotGenuine } from './claims-signer.js';
import { KeySealer } from './key-sealer.js';
import { type SigningKey, importSigningKey, newStoredKey } from './signing-key.js';

const sealer = new KeySealer('4d'.repeat(32));
const newKey = async (algorithm: Algorithm = 'ES256'): Promise<SigningKey> =>
  importSigningKey(await newStoredKey(algorithm, 'active', sealer), sealer);
const TYPE = 'incumbent-test+jwt';

describe('signed claims', () => {
  it.each(ALGORITHMS)(
    'under %s are read by whoever has the public keys, with or without our help',
    async (algorithm) => {
      const key = await newKey(algorithm);
      const jwks = { keys: [(await newKey()).published, key.published] };
      const token = (await new ClaimsSigner({ active: () => key }).sign(TYPE, { sequence: 7 })) ?? '';
      expect(await claimsReader(TYPE, jwks)(token)).toEqual({ sequence: 7 });
      const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), { typ: TYPE });
      expect(payload).toEqual({ sequence: 7 });
    },
  );

  it('are refused under another type, another key, changed, or far too long', async () => {
    const key = await newKey();
    const token = (await new ClaimsSigner({ active: () => key }).sign(TYPE, { sequence: 7 })) ?? '';
    const read = claimsReader(TYPE, { keys: [key.published] });
    const [header, , signature] = token.split('.');
    const forged = `${header}.${Buffer.from('{"sequence":8}').toString('base64url')}.${signature}`;
    for (const text of [forged, '', 'a.b.c', token.repeat(100)])
      await expect(read(text)).rejects.toThrow(NotGenuine);
    await expect(claimsReader('other+jwt', { keys: [key.published] })(token)).rejects.toThrow(NotGenuine);
    await expect(claimsReader(TYPE, { keys: [(await newKey()).published] })(token)).rejects.toThrow(
      NotGenuine,
    );
    await expect(claimsReader(TYPE, { keys: [] })(token)).rejects.toThrow(NotGenuine);
  });

  it('are not made without a key, and never as fencing tokens', async () => {
    const key = await newKey();
    expect(await new ClaimsSigner({ active: () => undefined }).sign(TYPE, {})).toBeUndefined();
    await expect(new ClaimsSigner({ active: () => key }).sign(TOKEN_TYPE, {})).rejects.toThrow(TypeError);
  });
});
