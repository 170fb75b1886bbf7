import { Sealer } from '#core';

const PURPOSE = 'incumbent/signing-key-seal/v1';

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

/** Seals private keys for storage, bound to the key's id. */
export class KeySealer {
  private readonly sealer: Sealer;

  constructor(masterKey: string) {
    this.sealer = new Sealer(masterKey, PURPOSE);
  }

  seal(kid: string, secret: string): string {
    return this.sealer.seal(kid, secret);
  }

  /** @throws WrongMasterKey when it was sealed under another key or id, or was changed since */
  open(kid: string, sealed: string): string {
    try {
      return this.sealer.open(kid, sealed);
    } catch (error) {
      throw new WrongMasterKey(kid, error);
    }
  }
}
