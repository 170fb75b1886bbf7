import type { Socket } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DeadlineExceeded, systemClock, withDeadline } from '#core';
import type { MetricsServer } from './health/metrics-server.js';
import { closeServices, type Services } from './services.js';

/** Orchestrators commonly kill after 30 s; what is not done by then is safe to lose. */
const HARD_STOP_MS = 25_000;
/** Connections whose answer went out while the server was closing are idle now and would keep it open. */
const REAP_IDLE_MS = 50;
/** No call takes longer; a connection that is open then never sent a whole request, and Node stopped timing it. */
const LAST_ANSWER_MS = 10_000;

/**
 * Ends the process in order: refuse what is new, let what is held answer, finish what is under way, then close
 * what it all stood on. A second signal, or 25 s, ends it at once.
 */
export class Shutdown {
  private app: NestFastifyApplication | undefined;
  private metricsServer: MetricsServer | undefined;
  private readonly sockets = new Set<Socket>();
  private begun = false;

  constructor(private readonly services: Services) {}

  onSignals(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.begin(signal));
    process.on('uncaughtException', (error) => this.crash(error));
    process.on('unhandledRejection', (error) => this.crash(error));
  }

  /** What is to be closed first, from the moment that it listens. */
  serves(app: NestFastifyApplication, metricsServer: MetricsServer | undefined): void {
    this.app = app;
    this.metricsServer = metricsServer;
    app.getHttpServer().on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  private begin(signal: string): void {
    const { logger } = this.services;
    if (this.begun) {
      logger.warn({ signal }, 'told twice to stop: stopping at once');
      process.exit(1);
    }
    this.begun = true;
    const startMs = systemClock.monotonicMs();
    logger.info({ signal }, 'stopping');
    withDeadline(this.stop(), HARD_STOP_MS, 'shutdown').then(
      () => {
        logger.info({ durationMs: Math.round(systemClock.monotonicMs() - startMs) }, 'stopped');
        process.exit(0);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'stopped without having finished');
        process.exit(error instanceof DeadlineExceeded ? 0 : 1);
      },
    );
  }

  private async stop(): Promise<void> {
    const { drain, engine } = this.services;
    drain.stop();
    engine.known?.release();
    await this.closeServer();
    await this.metricsServer?.close();
    await closeServices(this.services);
  }

  private async closeServer(): Promise<void> {
    if (this.app === undefined) return;
    const server = this.app.getHttpServer();
    const reaper = setInterval(() => {
      server.closeIdleConnections();
      // Opened in reserve and never used: to Node they are not idle, and they would stay open.
      for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
    }, REAP_IDLE_MS);
    const last = setTimeout(() => server.closeAllConnections(), LAST_ANSWER_MS);
    try {
      await this.app.close();
    } finally {
      clearInterval(reaper);
      clearTimeout(last);
    }
  }

  /** The state of the process is not known any more; everything that lasts is elsewhere. */
  private crash(error: unknown): void {
    this.services.logger.fatal({ err: error }, 'uncaught error: the process ends');
    process.exit(1);
  }
}
