import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const PURPOSE = 'incumbent/signing-key-seal/v1';
const FORMAT = 'v1';
/** Bytes; what AES-GCM wants. */
const NONCE = 12;
const TAG = 16;

/** The stored private keys were sealed under another MASTER_KEY. Nothing can be signed until it is put right. */
export class WrongMasterKey extends Error {
  constructor(kid: string, cause?: unknown) {
    super(
      `MASTER_KEY does not open the signing key ${kid}. Start with the MASTER_KEY under which it was made; ` +
        'if that is lost, delete the rows of signing_keys and tokens will be signed with a new key.',
      { cause },
    );
    this.name = 'WrongMasterKey';
  }
}

/**
 * Seals private keys for storage: AES-256-GCM under a key that follows from MASTER_KEY, bound to the key's id, so
 * that a sealed key moved to another row does not open.
 */
export class KeySealer {
  private readonly key: Uint8Array;

  constructor(masterKey: string) {
    this.key = new Uint8Array(hkdfSync('sha256', Buffer.from(masterKey, 'hex'), '', PURPOSE, 32));
  }

  seal(kid: string, secret: string): string {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce, { authTagLength: TAG });
    cipher.setAAD(Buffer.from(kid));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return `${FORMAT}.${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')}`;
  }

  /** @throws WrongMasterKey when it was sealed under another key or id, or was changed since */
  open(kid: string, sealed: string): string {
    const [format, text = ''] = sealed.split('.');
    const bytes = Buffer.from(text, 'base64url');
    if (format !== FORMAT || bytes.length < NONCE + TAG) throw new WrongMasterKey(kid);
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, NONCE), {
        authTagLength: TAG,
      });
      decipher.setAAD(Buffer.from(kid));
      decipher.setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()]).toString('utf8');
    } catch (error) {
      throw new WrongMasterKey(kid, error);
    }
  }
}
