import { type IncomingMessage, createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SINK_CERTIFICATE, SINK_KEY } from './webhook-sink-certificate.js';

/** What the sink does with a request once it has read it. */
export type SinkAnswer =
  | {
      status: number;
      headers?: Record<string, string>;
      body?: string;
      /** Length of a body made up for the purpose. */
      bodyBytes?: number;
      /** Sends the body, or with `headers` the head too, one byte a second. */
      drip?: 'body' | 'headers';
      /** Answers only when this is resolved. */
      after?: Promise<unknown>;
    }
  | 'never'
  | 'reset';

/** A request as it came in, noted before it is answered. */
export interface Received {
  path: string;
  /** The `webhook-id`. */
  id: string;
  headers: Record<string, string>;
  body: string;
  atMs: number;
}

type Script = (received: Received, index: number) => SinkAnswer;

/** Of a script that answers bytes; enough to be longer than what any reader wants. */
const CHUNK = Buffer.alloc(64 * 1024, 'x');

/** A receiver of webhooks on loopback that answers as scripted, in HTTP or, with its own certificate, in HTTPS. */
export class WebhookSink {
  /** Everything that came in, in order. */
  readonly received: Received[] = [];
  /** Bytes of answers that were taken from it. */
  bytesSent = 0;
  private readonly server: Server;
  private readonly timers = new Set<NodeJS.Timeout>();
  private script: Script = () => ({ status: 204 });

  static async start(options: { tls?: boolean } = {}): Promise<WebhookSink> {
    const sink = new WebhookSink(options.tls ?? false);
    await new Promise<void>((resolve, reject) => {
      sink.server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return sink;
  }

  private constructor(private readonly tls: boolean) {
    const listener = (request: IncomingMessage, response: ServerResponse): void =>
      this.take(request, response);
    this.server = tls
      ? createTlsServer({ cert: SINK_CERTIFICATE, key: SINK_KEY }, listener)
      : createServer(listener);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** @param host another name for loopback, where the caller resolves it so */
  url(path = '/', host = '127.0.0.1'): string {
    return `${this.tls ? 'https' : 'http'}://${host}:${this.port}${path}`;
  }

  /** From now on requests are answered so; before, all with 204. */
  answer(script: SinkAnswer | Script): void {
    this.script = typeof script === 'function' ? script : () => script;
  }

  /** The bodies that came to a path, parsed. */
  bodies<Body>(path?: string): Body[] {
    const wanted = this.received.filter((one) => path === undefined || one.path === path);
    return wanted.map((one) => JSON.parse(one.body) as Body);
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received = {
        path: request.url ?? '',
        id: String(request.headers['webhook-id'] ?? ''),
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: Buffer.concat(chunks).toString('utf8'),
        atMs: performance.now(),
      };
      this.received.push(received);
      void this.respond(this.script(received, this.received.length - 1), response);
    });
  }

  private async respond(answer: SinkAnswer, response: ServerResponse): Promise<void> {
    if (answer === 'never') return;
    if (answer === 'reset') {
      response.socket?.resetAndDestroy();
      return;
    }
    await answer.after;
    if (answer.drip === 'headers') {
      this.drip(response, (byte) => response.socket?.write(byte), `HTTP/1.1 ${answer.status} Slow\r\nx: `);
      return;
    }
    response.writeHead(answer.status, answer.headers);
    if (answer.drip === 'body') this.drip(response, (byte) => response.write(byte), '');
    else if (answer.bodyBytes === undefined) response.end(answer.body);
    else this.pour(response, answer.bodyBytes);
  }

  /** One byte at once and one each second, without end. */
  private drip(response: ServerResponse, write: (byte: string) => void, first: string): void {
    write(`${first}x`);
    const timer = setInterval(() => write('x'), 1_000);
    this.timers.add(timer);
    response.once('close', () => {
      clearInterval(timer);
      this.timers.delete(timer);
    });
  }

  private pour(response: ServerResponse, bytes: number): void {
    let left = bytes;
    const more = (): void => {
      while (left > 0 && !response.destroyed) {
        const chunk = CHUNK.subarray(0, left);
        left -= chunk.length;
        this.bytesSent += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  }
}
