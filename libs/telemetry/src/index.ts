/**
 * What a process tells about itself: log lines and metrics. Secrets do not pass: fields that may hold one are
 * redacted by name, errors are reduced to type, message, code and stack. Free text is not searched, so never
 * put a secret into a message.
 */
export type { ErrorLine } from './error-line.js';
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './logger.js';
export { createMetrics, type Metrics, type MetricsOptions } from './metrics.js';
