/**
 * The API process. It serves elections as long as etcd has a quorum, whatever Postgres and Redis do, and it may be
 * killed at any moment: everything that lasts is in etcd and Postgres.
 *
 * When it listens it writes one line, `listening`, with the port: PORT=0 picks a free one.
 */
import type { AddressInfo } from 'node:net';
import { readConfig } from '#config';
import { createApplication } from './application.js';
import { MetricsServer } from './health/metrics-server.js';
import { createServices, startServices } from './services.js';
import { Shutdown } from './shutdown.js';

async function start(): Promise<void> {
  const config = readConfig();
  const services = createServices(config);
  const { logger } = services;
  const shutdown = new Shutdown(services);
  shutdown.onSignals();
  await startServices(services);
  const app = await createApplication(services);
  const metricsServer =
    config.METRICS_PORT === undefined
      ? undefined
      : await MetricsServer.start(services.metrics, config.HOST, config.METRICS_PORT);
  await app.listen(config.PORT, config.HOST);
  shutdown.serves(app, metricsServer);
  const { port } = app.getHttpServer().address() as AddressInfo;
  logger.info({ port, host: config.HOST, metricsPort: metricsServer?.port ?? port }, 'listening');
}

start().catch((error: unknown) => {
  // The logger may be what failed, and its lines may not have left yet.
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
