import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  body: string;
}

interface Pending {
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

/**
 * One keep-alive connection, one request at a time: the same cheap caller for Incumbent and for etcd's gateway, so
 * that what differs is the server. It reads what these two send (a length or chunks) and nothing else.
 */
export class HttpConnection {
  readonly #host: string;
  readonly #headers: string;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #pending: Pending | undefined;
  #failure: Error | undefined;

  /** @param headers sent with every request, such as authorization */
  constructor(url: string, headers: Record<string, string> = {}) {
    const { hostname, port, host } = new URL(url);
    this.#host = host;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#headers = lines.join('');
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error(`${host} closed the connection`)));
  }

  /** Sends one request and waits for its answer, whatever the status. */
  post(path: string, body: object | string, extra = ''): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.#send(
      `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${this.#headers}${extra}content-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
  }

  /** Sends one GET; for a stream it waits for the head alone and leaves the rest unread. */
  get(path: string): Promise<Answer> {
    return this.#send(`GET ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${this.#headers}\r\n`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(request: string): Promise<Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#pending) throw new Error('This connection is waiting for an answer.');
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#pending = { resolve, reject };
    this.#socket.write(request);
    return promise;
  }

  #receive(chunk: Buffer): void {
    // Between two answers nothing is expected; a stream goes on here and is not read.
    if (!this.#pending) return;
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const answer = parse(this.#received);
    if (!answer) return;
    const pending = this.#pending;
    this.#pending = undefined;
    this.#received = Buffer.alloc(0);
    pending.resolve(answer);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#pending?.reject(error);
    this.#pending = undefined;
  }
}

/** The answer, once all of it has come. */
function parse(received: Buffer): Answer | undefined {
  const end = received.indexOf(END_OF_HEAD);
  if (end < 0) return undefined;
  const head = received.toString('latin1', 0, end);
  const status = Number(head.slice(9, 12));
  const from = end + END_OF_HEAD.length;
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const to = from + Number(length);
    return received.length < to ? undefined : { status, body: received.toString('utf8', from, to) };
  }
  if (/\r\ncontent-type: text\/event-stream/i.test(head)) return { status, body: '' };
  const body = chunked(received, from);
  return body === undefined ? undefined : { status, body };
}

function chunked(received: Buffer, from: number): string | undefined {
  let body = '';
  for (let at = from; ;) {
    const lineEnd = received.indexOf(LINE_END, at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(received.toString('latin1', at, lineEnd), 16);
    const start = lineEnd + LINE_END.length;
    if (received.length < start + size + LINE_END.length) return undefined;
    if (size === 0) return body;
    body += received.toString('utf8', start, start + size);
    at = start + size + LINE_END.length;
  }
}
