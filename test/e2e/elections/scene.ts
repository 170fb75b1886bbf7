import { waitUntil } from '#testing';
import type { Answer, Caller } from '../caller.js';

export type Standing = Record<string, unknown>;

interface Led {
  scene: Scene;
  one: Standing;
  two: Standing;
  three: Standing;
}

/** One election and those who stand in it, over HTTP. Long sessions, so that nobody has to renew in order to stay. */
export class Scene {
  static async open(caller: Caller, settings: Record<string, unknown> = {}): Promise<Scene> {
    return new Scene(caller, await caller.election(settings));
  }

  /** An election that `one` leads, with `two` and `three` in the queue behind it. */
  static async led(caller: Caller, ttlMs = 60_000): Promise<Led> {
    const scene = await Scene.open(caller);
    const one = await scene.stand('one', { ttlMs });
    return { scene, one, two: await scene.stand('two'), three: await scene.stand('three') };
  }

  private constructor(
    readonly caller: Caller,
    readonly name: string,
  ) {}

  get path(): string {
    return `/v1/elections/${this.name}`;
  }

  /** Stands, and answers how. */
  async stand(candidate: string, more: Record<string, unknown> = {}): Promise<Standing> {
    const answer = await this.caller.campaign(this.name, { candidate, ttlMs: 60_000, ...more });
    if (answer.status > 202) throw new Error(`${candidate} does not stand: ${answer.text}`);
    return answer.body;
  }

  async renew(standing: Standing, more: Record<string, unknown> = {}): Promise<Standing> {
    return (await this.caller.renew(this.name, standing['session'], more)).body;
  }

  async resign(standing: Standing, more: Record<string, unknown> = {}): Promise<Answer> {
    const { session, candidateId } = standing;
    return this.caller.post(`${this.path}/resign`, { session, candidateId, ...more });
  }

  /** The leader ends its own term. */
  async stepDown({ session, candidateId }: Standing): Promise<Standing> {
    return (await this.caller.post(`${this.path}/step-down`, { session, candidateId })).body;
  }

  async ask(
    verb: 'step-down' | 'transfer' | 'depose',
    body: Record<string, unknown>,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return this.caller.post(`${this.path}/${verb}`, { mode: 'graceful', ...body }, headers);
  }

  async change(body: Record<string, unknown>): Promise<Answer> {
    return this.caller.patch(this.path, body);
  }

  async status(): Promise<Record<string, unknown>> {
    return (await this.caller.get(`${this.path}/status`)).body;
  }

  /** Names of those who lead, by seat. */
  async leaders(): Promise<(string | null)[]> {
    const { seats } = (await this.status()) as { seats: { leader: { candidate: string } | null }[] };
    return seats.map(({ leader }) => leader?.candidate ?? null);
  }

  async candidates(): Promise<Record<string, unknown>[]> {
    return (await this.caller.get(`${this.path}/candidates`)).body['data'] as Record<string, unknown>[];
  }

  async handOver(id: unknown): Promise<Record<string, unknown>> {
    return (await this.caller.get(`${this.path}/hand-overs/${String(id)}`)).body;
  }

  async untilHandOver(id: unknown, state: string): Promise<Record<string, unknown>> {
    return this.until(`the hand-over to be ${state}`, async () => {
      const found = await this.handOver(id);
      return found['state'] === state && found;
    });
  }

  async untilLed(by: string | null): Promise<void> {
    await this.until(`${by} to lead`, async () => (await this.leaders())[0] === by);
  }

  /** Renews until the answer is as `expected`: what a participant does that waits for something. */
  async untilTold(standing: Standing, expected: Standing): Promise<Standing> {
    return this.until(`the answer ${JSON.stringify(expected)}`, async () => {
      const told = await this.renew(standing);
      return Object.entries(expected).every(([field, value]) => told[field] === value) && told;
    });
  }

  async until<T>(what: string, look: () => Promise<T | false>): Promise<T> {
    return await waitUntil(look as () => Promise<T>, { what, withinMs: 10_000, everyMs: 25 });
  }

  /** Everything that a refused call must leave as it was. */
  async facts(): Promise<unknown> {
    const { serverTime: _time, ...status } = await this.status();
    const { body: settings, headers } = await this.caller.get(this.path);
    const { seats, ...rest } = status as { seats: { handOver?: Record<string, unknown> }[] };
    const shown = seats.map(({ handOver, ...seat }) => ({ ...seat, handOver: handOver?.['state'] }));
    return {
      ...rest,
      seats: shown,
      settings,
      etag: headers.get('etag'),
      candidates: await this.candidates(),
    };
  }
}

/** What is compared of a refusal. */
export function refusal({ status, body }: Answer): unknown[] {
  const errors = body['errors'] as { pointer: string }[] | undefined;
  return [status, body['code'], ...(errors ?? []).map(({ pointer }) => pointer)];
}
