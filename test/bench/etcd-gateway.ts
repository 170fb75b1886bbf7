import { HttpConnection } from './http-connection.js';

/** What etcd knows a leader by. */
export interface LeaderKey {
  name: string;
  key: string;
  rev: string;
  lease: string;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** etcd's own leases and elections, through its JSON gateway. */
export class Gateway {
  readonly #connection: HttpConnection;

  constructor(url: string) {
    this.#connection = new HttpConnection(url);
  }

  /** @returns the lease and the seconds that etcd made of the wish */
  async grant(ttlSeconds: number): Promise<{ lease: string; ttlSeconds: number }> {
    const { ID, TTL } = (await this.#call('/v3/lease/grant', { TTL: ttlSeconds })) as {
      ID: string;
      TTL: string;
    };
    return { lease: ID, ttlSeconds: Number(TTL) };
  }

  /** @throws Error when the lease is gone */
  async keepAlive(lease: string): Promise<void> {
    const { result } = (await this.#call('/v3/lease/keepalive', `{"ID":"${lease}"}`)) as {
      result: { TTL?: string };
    };
    if (Number(result.TTL ?? 0) <= 0) throw new Error(`Lease ${lease} is gone`);
  }

  async revoke(lease: string): Promise<void> {
    await this.#call('/v3/lease/revoke', { ID: lease });
  }

  /** Blocks until the lease leads. */
  async campaign(election: string, lease: string): Promise<LeaderKey> {
    const body = { name: base64(election), lease, value: base64('candidate') };
    const { leader } = (await this.#call('/v3/election/campaign', body)) as { leader: LeaderKey };
    return leader;
  }

  async resign(leader: LeaderKey): Promise<void> {
    await this.#call('/v3/election/resign', { leader });
  }

  async put(key: string, value: string): Promise<void> {
    await this.#call('/v3/kv/put', { key: base64(key), value: base64(value) });
  }

  /** Writes a key again if it still has this value, and reads another. @throws Error when it has not */
  async rewrite(key: string, value: string, read: string): Promise<void> {
    const put = { key: base64(key), value: base64(value) };
    const { succeeded } = (await this.#call('/v3/kv/txn', {
      compare: [{ ...put, target: 'VALUE', result: 'EQUAL' }],
      success: [{ requestPut: put }, { requestRange: { key: base64(read) } }],
    })) as { succeeded?: boolean };
    if (succeeded !== true) throw new Error(`The key ${key} has changed`);
  }

  close(): void {
    this.#connection.close();
  }

  async #call(path: string, body: object | string): Promise<unknown> {
    const { status, body: text } = await this.#connection.post(path, body);
    if (status !== 200) throw new Error(`etcd answered ${status} to ${path}: ${text}`);
    return JSON.parse(text);
  }
}
