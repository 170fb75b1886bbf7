/** A signed token and what decides whether it is handed out again. */
export interface CachedToken {
  token: string;
  kid: string;
  /** On the monotonic clock. */
  signedMs: number;
}

/**
 * The last token of each term, so that a leader that renews ten thousand times is signed for once. Bounded: the
 * term that was asked for longest ago is forgotten first, which costs a signature and nothing else.
 */
export class TokenCache {
  private readonly tokens = new Map<string, CachedToken>();

  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.tokens.size;
  }

  get(key: string): CachedToken | undefined {
    const found = this.tokens.get(key);
    if (found) {
      this.tokens.delete(key);
      this.tokens.set(key, found);
    }
    return found;
  }

  set(key: string, token: CachedToken): void {
    this.tokens.delete(key);
    this.tokens.set(key, token);
    if (this.tokens.size <= this.capacity) return;
    const [oldest] = this.tokens.keys();
    if (oldest !== undefined) this.tokens.delete(oldest);
  }
}
