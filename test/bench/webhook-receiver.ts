import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A change of leadership as a delivery tells it. */
export interface Told {
  type: string;
  election: string;
  term: number;
  /** When the last byte of the request was here. */
  atMs: number;
}

interface Payload {
  type: string;
  data: { election: string; term: number };
}

/** Takes webhooks in, answers 204 at once, and notes when each came. */
export class WebhookReceiver {
  readonly told: Told[] = [];
  readonly #server: Server;

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const atMs = performance.now();
        response.writeHead(204).end();
        const { type, data } = JSON.parse(Buffer.concat(parts).toString('utf8')) as Payload;
        this.told.push({ type, election: data.election, term: data.term, atMs });
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
