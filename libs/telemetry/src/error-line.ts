/** What a log line shows of an error. */
export interface ErrorLine {
  type: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: ErrorLine;
}

/** A chain of causes longer than this is cut, so that a circular one ends. */
const DEEPEST_CAUSE = 4;

/**
 * The parts of an error that are safe to log. Everything else it carries is left out: database drivers attach
 * the statement with its parameters, HTTP clients the request with its headers.
 */
export function describeError(error: unknown, depth = 0): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const line: ErrorLine = { type: error.name, message: error.message };
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) {
    line.code = String(error.code);
  }
  if (depth === 0 && error.stack !== undefined) line.stack = error.stack;
  if (error.cause !== undefined && depth < DEEPEST_CAUSE) line.cause = describeError(error.cause, depth + 1);
  return line;
}
