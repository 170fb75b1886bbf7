import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type IdPrefix, newId } from '#core';

/**
 * The spelling of API keys: `inc_<env>_<id>_<secret><checksum>`.
 *
 *   env       live or test, so that a key pasted into the wrong place is recognised by eye
 *   id        the key's public id without its `key_`; finds the record
 *   secret    32 characters of base62, about 190 bits; only its keyed hash is stored
 *   checksum  CRC-32 of everything before it, 6 characters of base62; lets us and secret scanners refuse typing
 *             errors and look-alikes without looking anything up. It protects nothing.
 */
export type KeyEnvironment = 'live' | 'test';

export interface ApiKeyParts {
  environment: KeyEnvironment;
  keyId: string;
  secret: string;
}

export const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const KEY_ID_PREFIX: IdPrefix = 'key';
const SHAPE = /^inc_(live|test)_([0-9a-z]{24})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

/** 32 random characters of base62. */
export function newSecret(): string {
  return Array.from({ length: SECRET_LENGTH }, () => BASE62[randomInt(62)]).join('');
}

/** A new key: its id, its secret and the text that the tenant is shown once. */
export function newApiKey(
  environment: KeyEnvironment,
  keyId = newId(KEY_ID_PREFIX),
): ApiKeyParts & { text: string } {
  const secret = newSecret();
  return { environment, keyId, secret, text: formatApiKey({ environment, keyId, secret }) };
}

export function formatApiKey(parts: ApiKeyParts): string {
  const body = `inc_${parts.environment}_${parts.keyId.slice(KEY_ID_PREFIX.length + 1)}_${parts.secret}`;
  return body + checksumOf(body);
}

/** The parts of a well-formed key; undefined for everything else, decided without any look-up. */
export function parseApiKey(text: string): ApiKeyParts | undefined {
  const match = SHAPE.exec(text);
  if (!match) return undefined;
  const [, environment, id, secret = ''] = match;
  if (!hasChecksum(text)) return undefined;
  return { environment: environment === 'live' ? 'live' : 'test', keyId: `${KEY_ID_PREFIX}_${id}`, secret };
}

/** Whether the text ends in the checksum of what stands before it. */
export function hasChecksum(text: string): boolean {
  return checksumOf(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
}

export function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let digit = 0; digit < CHECKSUM_LENGTH; digit++) {
    text = BASE62.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}
