/**
 * A relay in a process of its own, to be killed or frozen: `node relay-process.ts <options as JSON>`. With `fate` it
 * does that to itself, at the instant when it meets the stage for the nth time.
 */
import { createLogger } from '#telemetry';
import { type Stage, stagedRelay, type StagedRelayOptions } from './staged-relay.js';

export interface Fate {
  signal: 'SIGKILL' | 'SIGSTOP';
  stage: Stage;
  nth: number;
}

export type RelayProcessOptions = Omit<StagedRelayOptions, 'logger' | 'at'> & { fate?: Fate };

const options = JSON.parse(process.argv[2] ?? '{}') as RelayProcessOptions;
const logger = createLogger({ service: options.name, level: 'debug' });
let met = 0;

stagedRelay({
  ...options,
  logger,
  at: (stage) => {
    const { fate } = options;
    if (stage !== fate?.stage) return;
    met += 1;
    if (met === fate.nth) process.kill(process.pid, fate.signal);
  },
});
logger.info('started');
// Its timers keep no process alive.
setInterval(() => undefined, 60_000);
