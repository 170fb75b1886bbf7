/**
 * The local stack: etcd, Postgres and Redis on loopback with their data in .data/, the API replicas and the worker
 * on top, and a demo tenant to try them with. `npm start` and `npm run dev` come here, built, under Node 24.
 *
 * It stops in order (service, Redis, etcd, Postgres) on Ctrl-C and SIGTERM, when a process of the stack ends
 * unexpectedly, and when its own starter is gone. Whatever ends it, nothing that it started is left running.
 */
import { readOptions, StartError } from './options.js';
import { Stack } from './stack.js';

/** When the command began, by the wall clock: the bootstrap tells it. */
const beganMs = Number(process.env['INCUMBENT_BEGAN_MS'] || performance.timeOrigin);

try {
  process.exitCode = await new Stack(readOptions(process.argv.slice(2), process.env), beganMs).run();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(`\n${error.message}\n`);
  process.exitCode = error.exitCode;
}
// The channel to the bootstrap would keep this process alive.
if (process.connected) process.disconnect();
