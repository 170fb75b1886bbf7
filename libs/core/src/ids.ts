import { hash, randomFillSync } from 'node:crypto';

/** Every id starts with the prefix of its kind, so that a pasted id says what it names. */
export type IdPrefix =
  | 'ten'
  | 'key'
  | 'elc'
  | 'cnd'
  | 'ses'
  /** A hand-over. */
  | 'hov'
  | 'evt'
  | 'tok'
  | 'req'
  | 'prc'
  /** An act on record. */
  | 'aud'
  /** An admin token. */
  | 'adm'
  /** A webhook endpoint, a secret of it, a delivery to it, an attempt at that. */
  | 'whe'
  | 'whs'
  | 'dlv'
  | 'att';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Crockford's base32 in lower case: no look-alikes, no delimiter of any key, path or header. */
export function toBase32(bytes: Uint8Array): string {
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >>> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}

/** Random bytes are drawn by the page: asking for a few costs as much as asking for a thousand. */
const POOL = Buffer.alloc(4_096);
let taken = POOL.length;

/** `size` (at most a page of) unpredictable bytes, in lower-case base32. */
export function randomText(size: number): string {
  if (taken + size > POOL.length) {
    randomFillSync(POOL);
    taken = 0;
  }
  taken += size;
  return toBase32(POOL.subarray(taken - size, taken));
}

/** A new random id: 120 bits, so that ids never collide and cannot be guessed. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomText(15)}`;
}

/** An id that follows from its parts: the same parts always give the same id. */
export function derivedId(prefix: IdPrefix, ...parts: string[]): string {
  let text = '';
  for (const part of parts) text += `${Buffer.byteLength(part)}:${part}`;
  return `${prefix}_${toBase32(hash('sha256', text, 'buffer').subarray(0, 15))}`;
}
