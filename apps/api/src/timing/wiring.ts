import type { Engine } from '#etcd';
import type { Logger, Metrics } from '#telemetry';
import { RenewalAdvice } from './renewal-advice.js';

interface TimingParts {
  engine: Engine;
  metrics: Metrics;
  logger: Logger;
}

export function createTiming({ engine, metrics, logger }: TimingParts) {
  const renewalAdvice = new RenewalAdvice(engine, metrics);
  renewalAdvice.listen((notice) =>
    logger.info(notice, 'the ttlMs of a session is too short for what is seen of it'),
  );
  renewalAdvice.listen(({ sessionId }) => void engine.known?.tellTooShort(sessionId));
  return { renewalAdvice };
}
