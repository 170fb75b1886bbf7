import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '#telemetry';

const JSON_TYPE = 'application/json; charset=utf-8';

/** What the worker leans on, and whether it answered when it was last used. */
export type Dependencies = Record<'etcd' | 'postgres' | 'redis', () => boolean>;

/**
 * /health/live, /health/ready and /metrics of the worker. Ready means "runs": work waits for etcd, Postgres and Redis by
 * itself, so their state is reported and decides nothing.
 */
export class HealthServer {
  private readonly server: Server;
  private stopping = false;

  constructor(
    private readonly dependencies: Dependencies,
    private readonly metrics: Metrics,
  ) {
    this.server = createServer({ requestTimeout: 5_000, headersTimeout: 4_000 }, (request, response) => {
      this.answer(request, response).catch(() => response.writeHead(500).end());
    });
    metrics.onScrape(() => {
      for (const [dependency, isUp] of Object.entries(dependencies)) {
        metrics.dependencyUp.set({ dependency }, isUp() ? 1 : 0);
      }
    });
  }

  /** @throws the system's error when the port is taken */
  async listen(port: number, host: string): Promise<number> {
    this.server.listen(port, host);
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  /** From now on the process is not ready, so that nobody waits for it. */
  announceStop(): void {
    this.stopping = true;
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    else if (request.url === '/health/live') send(response, 200, { status: 'ok' });
    else if (request.url === '/health/ready') this.answerReady(response);
    else if (request.url === '/metrics') {
      const { contentType, body } = await this.metrics.expose();
      response.writeHead(200, { 'content-type': contentType }).end(body);
    } else response.writeHead(404).end();
  }

  private answerReady(response: ServerResponse): void {
    const dependencies = Object.fromEntries(
      Object.entries(this.dependencies).map(([name, isUp]) => [name, isUp() ? 'up' : 'down']),
    );
    send(response, this.stopping ? 503 : 200, { status: this.stopping ? 'stopping' : 'ready', dependencies });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': JSON_TYPE }).end(JSON.stringify(body));
}
