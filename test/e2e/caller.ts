import { waitUntil } from '#testing';

/** An answer as a customer's HTTP library shows it. */
export interface Answer {
  status: number;
  headers: Headers;
  /** The JSON body, or an empty object. */
  body: Record<string, unknown>;
  text: string;
}

type Extra = Record<string, string>;

/** Sends requests with one set of credentials; speaks HTTP and nothing else. */
export class Caller {
  constructor(
    readonly url: string,
    readonly key: string | undefined,
  ) {}

  get headers(): Extra {
    return this.key === undefined ? {} : { authorization: `Bearer ${this.key}` };
  }

  get(path: string, headers: Extra = {}): Promise<Answer> {
    return this.send('GET', path, { headers });
  }

  post(path: string, body: unknown, headers: Extra = {}): Promise<Answer> {
    return this.json('POST', path, body, headers);
  }

  patch(path: string, body: unknown, headers: Extra = {}): Promise<Answer> {
    return this.json('PATCH', path, body, headers);
  }

  delete(path: string, headers: Extra = {}): Promise<Answer> {
    return this.send('DELETE', path, { headers });
  }

  async send(
    method: string,
    path: string,
    init: { headers?: Extra; body?: RequestInit['body']; redirect?: 'manual' } = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + path, {
      ...init,
      method,
      headers: { ...this.headers, ...init.headers },
      signal: AbortSignal.timeout(70_000),
    });
    const text = await response.text();
    const isJson = /^application\/([\w-]+\+)?json/.test(response.headers.get('content-type') ?? '');
    const body = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {};
    return { status: response.status, headers: response.headers, body, text };
  }

  /** Makes an election and answers its name. */
  async election(settings: Record<string, unknown> = {}): Promise<string> {
    const name = typeof settings['name'] === 'string' ? settings['name'] : `e-${crypto.randomUUID()}`;
    const made = await this.post('/v1/elections', { ...settings, name });
    if (made.status !== 201) throw new Error(`No election was made: ${made.text}`);
    return name;
  }

  campaign(election: string, body: Record<string, unknown>, headers: Extra = {}): Promise<Answer> {
    return this.post(`/v1/elections/${election}/campaign`, body, headers);
  }

  renew(election: string, session: unknown, more: Record<string, unknown> = {}): Promise<Answer> {
    return this.post(`/v1/elections/${election}/renew`, { session, ...more });
  }

  resign(election: string, standing: Record<string, unknown>): Promise<Answer> {
    const { session, candidateId } = standing;
    return this.post(`/v1/elections/${election}/resign`, { session, candidateId });
  }

  /** The same address seen with other credentials, or another replica with the same ones. */
  with(over: { key?: string | undefined; url?: string }): Caller {
    return new Caller(over.url ?? this.url, 'key' in over ? over.key : this.key);
  }

  /** Waits until so many stand in the election. */
  async untilStanding(election: string, count: number): Promise<void> {
    const standing = async () =>
      (await this.get(`/v1/elections/${election}/status`)).body['candidateCount'] === count;
    await waitUntil(standing, { what: `${count} candidates in ${election}` });
  }

  private json(method: string, path: string, body: unknown, headers: Extra): Promise<Answer> {
    const json = { 'content-type': 'application/json', ...headers };
    return this.send(method, path, { headers: json, body: JSON.stringify(body) });
  }
}
