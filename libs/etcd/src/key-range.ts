const ZERO = Buffer.from([0]);

/** Ranges of keys below the deployment's prefix, as etcd wants them. */
export class KeyRange {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The range of all keys that start with `prefix`. */
  below(prefix: string): { key: Buffer; range_end: Buffer } {
    const key = Buffer.from(this.#prefix + prefix);
    if (key.length === 0) return { key: ZERO, range_end: ZERO };
    // Keys are UTF-8, so no byte of them is 255 and the last one can be raised.
    const end = Buffer.from(key);
    end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
    return { key, range_end: end };
  }
}
