import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '#telemetry';

/** Serves /metrics and nothing else, on a port that the load balancer does not show to the world. */
export class MetricsServer {
  private constructor(private readonly server: Server) {}

  static async start(metrics: Metrics, host: string, port: number): Promise<MetricsServer> {
    const server = createServer({ requestTimeout: 5_000, headersTimeout: 4_000 }, (request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404).end();
        return;
      }
      metrics.expose().then(
        ({ contentType, body }) => response.writeHead(200, { 'content-type': contentType }).end(body),
        () => response.writeHead(500).end(),
      );
    });
    server.listen(port, host);
    await once(server, 'listening');
    return new MetricsServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
