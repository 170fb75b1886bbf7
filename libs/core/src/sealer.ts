import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const FORMAT = 'v1';
/** Bytes; what AES-GCM wants. */
const NONCE = 12;
const TAG = 16;

/** Sealed under another MASTER_KEY, for another name, or changed since. */
export class SealBroken extends Error {
  constructor(name: string, cause?: unknown) {
    super(`MASTER_KEY does not open what is stored for ${name}`, { cause });
    this.name = 'SealBroken';
  }
}

/**
 * Seals secrets for storage: AES-256-GCM under a key that follows from MASTER_KEY and the purpose, bound to the
 * name of what is sealed, so that a sealed secret moved to another row does not open.
 */
export class Sealer {
  private readonly key: Uint8Array;

  /** @param purpose one per kind of secret, such as `incumbent/signing-key-seal/v1` */
  constructor(masterKey: string, purpose: string) {
    this.key = new Uint8Array(hkdfSync('sha256', Buffer.from(masterKey, 'hex'), '', purpose, 32));
  }

  seal(name: string, secret: string): string {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce, { authTagLength: TAG });
    cipher.setAAD(Buffer.from(name));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return `${FORMAT}.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`;
  }

  /** @throws SealBroken */
  open(name: string, sealed: string): string {
    const [format, text = ''] = sealed.split('.');
    const bytes = Buffer.from(text, 'base64url');
    if (format !== FORMAT || bytes.length < NONCE + TAG) throw new SealBroken(name);
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, NONCE), {
        authTagLength: TAG,
      });
      decipher.setAAD(Buffer.from(name));
      decipher.setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()]).toString('utf8');
    } catch (error) {
      throw new SealBroken(name, error);
    }
  }
}
