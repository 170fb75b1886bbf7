import type { Standing } from './incumbent.js';
import { SocketConnection } from './socket-connection.js';

/** One participant's calls to Incumbent, over one socket. */
export class AttachedIncumbent {
  readonly #socket: SocketConnection;
  readonly #elected: { resolve: () => void; promise: Promise<void> };

  static async connect(url: string, apiKey: string): Promise<AttachedIncumbent> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const onNews = (news: string): void => {
      if (news.startsWith('{"event":"elected"')) resolve();
    };
    const socket = await SocketConnection.open(url, `Bearer ${apiKey}`, onNews);
    return new AttachedIncumbent(socket, { promise, resolve });
  }

  private constructor(socket: SocketConnection, elected: { resolve: () => void; promise: Promise<void> }) {
    this.#socket = socket;
    this.#elected = elected;
  }

  campaign(election: string, body: { candidate: string; ttlMs?: number }): Promise<Standing> {
    return this.#ask('campaign', { election, ...body });
  }

  renew(election: string, session: string): Promise<Standing> {
    return this.#ask('renew', { election, session });
  }

  async resign(election: string, { session, candidateId }: Standing): Promise<void> {
    await this.#ask('resign', { election, session, candidateId });
  }

  /** Renews every `pauseMs`, and at once when it is told that it was elected, until an answer says that it leads. */
  async untilLeader(election: string, standing: Standing, pauseMs: number): Promise<Standing> {
    let now = standing;
    let told = false;
    void this.#elected.promise.then(() => (told = true));
    while (now.state !== 'leader') {
      if (now.state !== 'waiting') throw new Error(`A candidate that waits was told "${now.state}"`);
      if (!told) await soonest(this.#elected.promise, pauseMs);
      now = await this.renew(election, now.session);
    }
    return now;
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(op: string, fields: object): Promise<Standing> {
    const text = await this.#socket.ask({ op, ...fields });
    const answer = JSON.parse(text) as Standing & { ok: boolean };
    if (!answer.ok) throw new Error(`Incumbent refused ${op}: ${text}`);
    return answer;
  }
}

async function soonest(told: Promise<void>, withinMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, withinMs);
  await Promise.race([told, promise]);
  clearTimeout(timer);
}
