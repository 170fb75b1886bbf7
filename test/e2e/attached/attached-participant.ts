import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { waitUntil } from '#testing';

export type Told = Record<string, unknown>;

export interface Handshake {
  key?: string | undefined;
  protocol?: string;
  headers?: Record<string, string>;
}

export const SUBPROTOCOL = 'incumbent.v1';

/** A participant on a socket, as a customer's library would speak: frames out, answers by id, news as they come. */
export class AttachedParticipant {
  /** Every frame of the service, in order, with the moment it came. */
  readonly heard: { frame: Told; atMs: number }[] = [];
  readonly socket: WebSocket;
  closed: { code: number; reason: string } | undefined;
  private next = 0;

  static async connect(url: string, handshake: Handshake): Promise<AttachedParticipant> {
    const socket = open(url, handshake);
    const participant = new AttachedParticipant(socket);
    await once(socket, 'open');
    return participant;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.heard.push({ frame: JSON.parse(data.toString()) as Told, atMs: performance.now() });
    });
    socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
    socket.on('error', () => undefined);
  }

  get news(): Told[] {
    return this.heard.flatMap(({ frame }) => ('event' in frame ? [frame] : []));
  }

  /** Sends a frame and waits for its answer. */
  async ask(op: string, fields: Told = {}): Promise<Told> {
    const id = `f${(this.next += 1)}`;
    this.socket.send(JSON.stringify({ id, op, ...fields }));
    return await this.answerTo(id);
  }

  /** The same, for what has to succeed. */
  async does(op: string, fields: Told = {}): Promise<Told> {
    const answer = await this.ask(op, fields);
    if (answer['ok'] !== true) throw new Error(`${op} was refused: ${JSON.stringify(answer)}`);
    return answer;
  }

  async answerTo(id: string | number | null): Promise<Told> {
    const found = () => this.heard.find(({ frame }) => 'ok' in frame && frame['id'] === id)?.frame;
    return await waitUntil(() => found() ?? this.failIfClosed(), { what: `the answer to ${id}`, everyMs: 2 });
  }

  /** The first piece of news of this kind, with the moment it came. */
  async told(event: string, within = 10_000): Promise<{ frame: Told; atMs: number }> {
    const found = () => this.heard.find(({ frame }) => frame['event'] === event);
    return await waitUntil(found, { what: `news of ${event}`, withinMs: within, everyMs: 2 });
  }

  async untilClosed(): Promise<{ code: number; reason: string }> {
    return await waitUntil(() => this.closed, { what: 'the socket to be closed', withinMs: 15_000 });
  }

  /** As if the process or its network had died: the service is told nothing. */
  drop(): void {
    this.socket.terminate();
  }

  private failIfClosed(): undefined {
    if (this.closed) throw new Error(`The socket was closed with ${this.closed.code}: ${this.closed.reason}`);
  }
}

/** How the service answers an upgrade that it refuses. */
export async function refused(
  url: string,
  handshake: Handshake,
): Promise<{ status: number; body: Told; headers: IncomingMessage['headers'] }> {
  const socket = open(url, handshake);
  const [, response] = (await once(socket, 'unexpected-response')) as [ClientRequest, IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  const { statusCode = 0, headers } = response;
  return { status: statusCode, body: JSON.parse(text) as Told, headers };
}

function open(url: string, { key, protocol = SUBPROTOCOL, headers = {} }: Handshake): WebSocket {
  const address = `${url.replace(/^http/, 'ws')}/v1/sessions/connect`;
  const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return new WebSocket(address, protocol === '' ? [] : [protocol], {
    headers: { ...authorization, ...headers },
    perMessageDeflate: false,
  });
}
