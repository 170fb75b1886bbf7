import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from 'pino';
import { describeError } from './error-line.js';

export type { Logger };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/**
 * Fields that are never written, wherever they stand down to three levels. Deeper nesting is not searched:
 * log flat objects.
 */
const SECRET_FIELDS = [
  'authorization',
  'session',
  'key',
  'secret',
  'token',
  'fencingToken',
  'password',
  'cookie',
  'masterKey',
  'adminToken',
  'privateKey',
];
const REDACTED_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

export interface LoggerOptions {
  /** Which process writes: `api`, `worker`, ... */
  service: string;
  level: LogLevel;
  /** Where the lines go; standard output unless a test listens. */
  stream?: DestinationStream;
}

/**
 * A logger that writes one JSON object per line without blocking the event loop. Lines that still wait are
 * written when the process exits by itself or by `process.exit`; a SIGKILL loses them.
 */
export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? destination({ dest: 1, sync: false });
  return pino(
    {
      level: options.level,
      base: { service: options.service, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
      serializers: { err: describeError, error: describeError, cause: describeError },
    },
    stream,
  );
}
