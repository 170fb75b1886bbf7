import type { Clock, Timer } from '#core';
import type { Logger, Metrics } from '#telemetry';
import type { FastifyRequest } from 'fastify';
import { WebSocket, WebSocketServer } from 'ws';
import type { StreamRegistry } from '../elections/stream-registry.js';
import type { Drain } from '../http/drain.js';
import type { Gate } from '../http/gate.js';
import { AttachedSocket, type Desk } from './attached-socket.js';
import { CLOSE } from './close-codes.js';
import { SUBPROTOCOL } from './connect.operations.js';
import type { SessionNews } from './session-news.js';
import type { Upgrade } from '../http/upgrade.js';

const MOST_FRAME_BYTES = 16 * 1_024;
/** Of one frame; a frame of 16 kB needs one. */
const MOST_FRAGMENTS = 64;
/** A participant that does not close in turn is cut. */
const CLOSE_WITHIN_MS = 1_000;
/** A socket whose key is no longer accepted ends within this, also if it says nothing. */
const LOOK_EVERY_MS = 1_000;
/** At shutdown participants move within this, each at a moment of its own, so that they do not come all at once. */
const MOVE_WITHIN_MS = 1_000;
/** What is still here then is closed; a session of 200 ms has been renewed elsewhere long since. */
const CLOSE_AFTER_MS = 3_000;

export interface SocketsParts {
  desk: (request: FastifyRequest) => Desk;
  news: SessionNews;
  streams: StreamRegistry;
  drain: Drain;
  gate: Gate;
  logger: Logger;
  metrics: Metrics;
}

/** The library closes a socket with too large a frame by itself, without a word. */
class TellingSocket extends WebSocket {
  override close(code?: number, text?: string | Buffer): void {
    super.close(code, text ?? (code === CLOSE.tooLarge ? 'A frame may hold at most 16 kB.' : undefined));
  }
}

/** Owns every attached socket: lets them in, counts them, finds those that are gone, and moves them at shutdown. */
export class AttachedSockets {
  private readonly sockets = new Set<AttachedSocket>();
  private readonly server = new WebSocketServer({
    noServer: true,
    WebSocket: TellingSocket,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MOST_FRAME_BYTES,
    handleProtocols: () => SUBPROTOCOL,
    ...{ maxFragments: MOST_FRAGMENTS, closeTimeout: CLOSE_WITHIN_MS },
  });
  private timer: Timer | undefined;
  private movingSinceMs: number | undefined;

  constructor(
    private readonly parts: SocketsParts,
    private readonly clock: Clock,
    private readonly random: () => number = Math.random,
  ) {
    parts.drain.own({ end: () => this.moveAll() });
  }

  get size(): number {
    return this.sockets.size;
  }

  /** Takes a place for a socket: it counts as a stream. @throws IncumbentError limit.quota_exceeded */
  reserve(tenantId: string): () => void {
    return this.parts.streams.reserve(tenantId);
  }

  /** Completes the handshake. `release` is called when the connection is over, however it ends. */
  accept(request: FastifyRequest, { socket, head }: Upgrade, release: () => void): void {
    if (socket.destroyed) return release();
    socket.once('close', release);
    this.server.handleUpgrade(request.raw, socket, head, (ws) => {
      const { caller } = request.call;
      const attached = new AttachedSocket({ ws, socket }, caller, this.parts.desk(request), this.clock);
      ws.once('close', (code) => this.gone(attached, request, code));
      this.add(attached);
    });
  }

  private add(socket: AttachedSocket): void {
    this.sockets.add(socket);
    if (this.movingSinceMs !== undefined) this.move(socket, this.movingSinceMs);
    this.timer ??= this.clock.after(LOOK_EVERY_MS, () => this.look());
  }

  private gone(socket: AttachedSocket, request: FastifyRequest, received: number): void {
    const { news, logger, metrics } = this.parts;
    const code = socket.closeCode ?? received;
    this.sockets.delete(socket);
    for (const sessionId of socket.sessions) news.unfollow(sessionId, socket);
    metrics.attachedClosed.inc({ code: KNOWN_CODES.has(code) ? String(code) : 'other' });
    const { tenantId, keyId } = socket.principal;
    logger.debug({ requestId: request.id, tenantId, keyId, code }, 'an attached socket is gone');
  }

  private look(): void {
    for (const socket of this.sockets) {
      if (this.parts.gate.present(socket.principal)) socket.look();
      else socket.close('unwelcome', 'The API key is not accepted any more.');
    }
    this.timer = this.sockets.size === 0 ? undefined : this.clock.after(LOOK_EVERY_MS, () => this.look());
  }

  /** Whoever is told first finds another replica while this one still answers: no term is lost. */
  private moveAll(): void {
    this.movingSinceMs = this.clock.monotonicMs();
    for (const socket of this.sockets) this.move(socket, this.movingSinceMs);
  }

  private move(socket: AttachedSocket, sinceMs: number): void {
    const closesAfterMs = Math.max(0, Math.round(sinceMs + CLOSE_AFTER_MS - this.clock.monotonicMs()));
    const reconnectAfterMs = Math.min(closesAfterMs, Math.floor(this.random() * MOVE_WITHIN_MS));
    socket.tell({ event: 'moving', reconnectAfterMs, closesAfterMs });
    socket.release();
    this.clock.after(closesAfterMs, () => socket.close('stopping', 'This replica is shutting down.'));
  }
}

/** Others are of the participant's choice, and labels of metrics are not. */
const KNOWN_CODES: ReadonlySet<number> = new Set([...Object.values(CLOSE), 1_001, 1_002, 1_005, 1_006]);
