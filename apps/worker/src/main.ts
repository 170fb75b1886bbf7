/**
 * The worker process: what must happen some time, and not in a request. For now it writes the ledger of issued
 * fencing tokens. Any number may run; each job goes to one of them, at least once. It starts and stays up while
 * Postgres or Redis are away, and it may be killed at any moment: a job it held is done again.
 */
import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { readConfig } from '#config';
import { systemClock, withDeadline } from '#core';
import { type Logger, createLogger } from '#telemetry';
import { HealthServer } from './health-server.js';
import { WorkerModule } from './worker.module.js';

/** Orchestrators commonly kill after 30 s; what is not done by then is safe to lose. */
const HARD_STOP_MS = 25_000;

async function start(): Promise<void> {
  const config = readConfig();
  const logger = createLogger({ service: 'worker', level: config.LOG_LEVEL });
  const app = await NestFactory.createApplicationContext(WorkerModule.with(config, logger), {
    logger: false,
    abortOnError: false,
  });
  stopOnSignals(app, logger);
  const port = await app.get(HealthServer).listen(config.WORKER_PORT, config.HOST);
  logger.info({ port, host: config.HOST }, 'listening');
}

/** A second signal ends the process at once. */
function stopOnSignals(app: INestApplicationContext, logger: Logger): void {
  let begun = false;
  const stop = (signal: string): void => {
    if (begun) {
      logger.warn({ signal }, 'told twice to stop: stopping at once');
      process.exit(1);
    }
    begun = true;
    logger.info({ signal }, 'stopping');
    withDeadline(app.close(), HARD_STOP_MS, 'shutdown', systemClock).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'stopped without having finished');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));
  const crash = (error: unknown): void => {
    logger.fatal({ err: error }, 'uncaught error: the process ends');
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

start().catch((error: unknown) => {
  // The logger may be what failed, and its lines may not have left yet.
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
