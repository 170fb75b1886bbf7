import { connect, type Socket } from 'node:net';

interface Pending {
  resolve: (answer: string) => void;
  reject: (error: Error) => void;
}

const HANDSHAKE =
  'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: incumbent.v1\r\n';
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const TEXT = 0x81;
const PING = 0x89;
const PONG = 0x8a;
const MASKED = 0x80;
/** The lengths that fit into the second byte; this one says that two more follow. */
const TWO_BYTES = 126;
/** Answers begin with their id. */
const AFTER_ID = '{"id":'.length;

/**
 * One WebSocket: as cheap a caller as the one over HTTP beside it. It reads what Incumbent sends (unmasked text, pings)
 * and masks with zeros, which a server unmasks like any other mask.
 */
export class SocketConnection {
  readonly #socket: Socket;
  readonly #onNews: (news: string) => void;
  #received: Buffer = Buffer.alloc(0);
  #open = false;
  /** By id; 0 is the handshake. */
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #failure: Error | undefined;

  /** Connects and shakes hands. @throws Error when the service refuses */
  static async open(
    url: string,
    authorization: string,
    onNews: (news: string) => void = () => undefined,
  ): Promise<SocketConnection> {
    const connection = new SocketConnection(url, authorization, onNews);
    await connection.#answerTo(0);
    return connection;
  }

  private constructor(url: string, authorization: string, onNews: (news: string) => void) {
    const { hostname, port, host } = new URL(url);
    this.#onNews = onNews;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.write(
      `GET /v1/sessions/connect HTTP/1.1\r\nhost: ${host}\r\nauthorization: ${authorization}\r\n${HANDSHAKE}\r\n`,
    );
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error(`${host} closed the socket`)));
  }

  /** Sends one frame and waits for its answer. */
  ask(fields: object): Promise<string> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = (this.#lastId += 1);
    this.#socket.write(frameOf(TEXT, Buffer.from(JSON.stringify({ id, ...fields }))));
    return this.#answerTo(id);
  }

  close(): void {
    this.#socket.destroy();
  }

  #answerTo(id: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#pending.set(id, { resolve, reject });
    return promise;
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    if (!this.#open && !this.#openedBy()) return;
    for (let read = readFrame(this.#received); read; read = readFrame(this.#received)) {
      this.#received = this.#received.subarray(read.end);
      if (read.kind === PING) this.#socket.write(frameOf(PONG, Buffer.alloc(0)));
      else if (read.kind !== TEXT) this.#fail(new Error('The service closed the socket.'));
      else if (read.text.startsWith('{"event"')) this.#onNews(read.text);
      else this.#settle(Number.parseInt(read.text.slice(AFTER_ID), 10), read.text);
    }
  }

  #openedBy(): boolean {
    const end = this.#received.indexOf(END_OF_HEAD);
    if (end < 0) return false;
    const head = this.#received.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 101 ')) {
      this.#fail(new Error(`No socket: ${head.slice(0, head.indexOf('\r\n'))}`));
      return false;
    }
    this.#open = true;
    this.#received = this.#received.subarray(end + END_OF_HEAD.length);
    this.#settle(0, '');
    return true;
  }

  #settle(id: number, text: string): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.resolve(text);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function frameOf(kind: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < TWO_BYTES
      ? [kind, MASKED | length]
      : [kind, MASKED | TWO_BYTES, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

/** The first frame, once all of it has come. */
function readFrame(received: Buffer): { kind: number; text: string; end: number } | undefined {
  const [kind, short] = received;
  if (kind === undefined || short === undefined) return undefined;
  const start = short === TWO_BYTES ? 4 : 2;
  if (received.length < start) return undefined;
  const end = start + (short === TWO_BYTES ? received.readUInt16BE(2) : short);
  return received.length < end ? undefined : { kind, text: received.toString('utf8', start, end), end };
}
