import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.js';

function listen(): { lines: Record<string, unknown>[]; stream: { write(line: string): void } } {
  const lines: Record<string, unknown>[] = [];
  return { lines, stream: { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) } };
}

describe('logger', () => {
  it('writes one JSON object with level, service and an RFC 3339 time', () => {
    const { lines, stream } = listen();
    createLogger({ service: 'api', level: 'info', stream }).info({ port: 7400 }, 'listening');
    expect(lines[0]).toMatchObject({ level: 'info', service: 'api', port: 7400, msg: 'listening' });
    expect(lines[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it.each(['authorization', 'session', 'key', 'secret', 'token', 'fencingToken', 'password'])(
    'never writes the value of a field called %s, down to three levels',
    (field) => {
      const { lines, stream } = listen();
      const logger = createLogger({ service: 'api', level: 'info', stream });
      logger.info({ [field]: 'hunter2', body: { [field]: 'hunter2', inner: { [field]: 'hunter2' } } }, 'x');
      expect(lines).toHaveLength(1);
      expect(JSON.stringify(lines)).not.toContain('hunter2');
    },
  );

  it('shows of an error its type, message, code and causes, never what a driver attached to it', () => {
    const { lines, stream } = listen();
    const driverError = Object.assign(new Error('duplicate key'), { code: '23505', parameters: ['hunter2'] });
    const error = new Error('insert failed', { cause: driverError });
    createLogger({ service: 'worker', level: 'info', stream }).error({ err: error }, 'failed');
    expect(lines[0]?.['err']).toMatchObject({
      type: 'Error',
      message: 'insert failed',
      cause: { message: 'duplicate key', code: '23505' },
    });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('ends with an error that is its own cause', () => {
    const { lines, stream } = listen();
    const error = new Error('round');
    error.cause = error;
    createLogger({ service: 'worker', level: 'info', stream }).error({ err: error }, 'failed');
    expect(lines).toHaveLength(1);
  });
});
