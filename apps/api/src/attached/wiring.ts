import { systemClock } from '#core';
import type { Engine } from '#etcd';
import type { Logger, Metrics } from '#telemetry';
import type { StreamRegistry } from '../elections/stream-registry.js';
import type { TokenIssuer } from '../fencing/token-issuer.js';
import type { Edge } from '../http/server.js';
import type { RenewalAdvice, TooShortNotice } from '../timing/renewal-advice.js';
import { AttachedSockets } from './attached-sockets.js';
import { FrameCalls } from './frame-calls.js';
import { FrameDesk } from './frame-desk.js';
import { SessionNews } from './session-news.js';

interface AttachedParts {
  edge: Edge;
  engine: Engine;
  streams: StreamRegistry;
  tokenIssuer: TokenIssuer;
  logger: Logger;
  metrics: Metrics;
  renewalAdvice: RenewalAdvice;
}

/** Attached sessions. To be made before the engine starts: news come from its view. */
export function createAttached(parts: AttachedParts) {
  const { edge, engine, streams, tokenIssuer, logger, metrics, renewalAdvice } = parts;
  const news = new SessionNews();
  engine.listen(news);
  const calls = new FrameCalls(engine, tokenIssuer, news, renewalAdvice);
  renewalAdvice.listen((notice) => tellAdvice(news, engine, notice));
  const { gate, rates, filter, calls: ids, drain } = edge;
  const deskParts = { calls, gate, rates, filter, ids, logger, metrics };
  const attachedSockets = new AttachedSockets(
    {
      desk: (request) => new FrameDesk(deskParts, request, systemClock),
      ...{ news, streams, drain, gate, logger, metrics },
    },
    systemClock,
  );
  metrics.onScrape(() => metrics.attachedSockets.set(attachedSockets.size));
  return { attachedSockets };
}

/** The participant knows its session by its token, so that is what the news name. */
function tellAdvice(news: SessionNews, engine: Engine, notice: TooShortNotice): void {
  const { sessionId, ttlMs, recommendedTtlMs } = notice;
  const listener = news.listenerOf(sessionId);
  const session = engine.known?.view.sessions.get(sessionId);
  if (!listener || !session) return;
  const token = engine.current.tokens.mint({ sessionId, ...session.record });
  listener.tell({ event: 'advice', session: token, reason: 'ttl_too_short', ttlMs, recommendedTtlMs });
}
