import type { Socket } from 'node:net';
import { type Clock, IncumbentError } from '#core';
import { maySeeElection, type Principal } from '#tenancy';
import type { WebSocket } from 'ws';
import { parseJson } from '../http/json.js';
import { CLOSE, type CloseReason } from './close-codes.js';
import type { News } from './frames.schema.js';
import type { Listener } from './session-news.js';

/** More than any participant needs: one session of 200 ms is renewed 15 times a second. */
const MOST_FRAMES_PER_SECOND = 1_000;
/** Frames beyond that are refused one by one; who goes on all the same is not reading the answers. */
const MOST_REFUSED_PER_SECOND = 100;
/** Calls under way at once. Held renewals count, so it bounds what a socket can make this replica remember. */
const MOST_IN_FLIGHT = 64;
/**
 * A reader that lets this much pile up is cut off: it would learn of its grants too late, and its memory is ours. The
 * answers to a second's frames that came at once fit in.
 */
const MOST_UNREAD_BYTES = 512 * 1_024;
/**
 * This much may be on its way whenever a socket is looked at. A reader that leaves more unread at so many looks in a row
 * is cut off as well: below the bound above, a tenant's sockets together could hold hundreds of megabytes for ever.
 */
const MOST_LEFT_UNREAD_BYTES = 16 * 1_024;
const LOOKS_LEFT_UNREAD = 4;
/** A socket that says nothing for so many looks is asked; one that does not answer within as many is dropped. */
const LOOKS_PER_PING = 5;

export type FrameId = string | number;

/** One frame of the participant, as far as it was read. */
export interface Frame {
  id: FrameId;
  op: unknown;
  fields: Record<string, unknown>;
  /** On the monotonic clock, before it was parsed. */
  receivedAtMs: number;
}

/** Who carries frames out and spells what went wrong. */
export interface Desk {
  /** @throws whatever the call is refused with */
  carry(socket: AttachedSocket, frame: Frame): Promise<object>;
  /** The problem of a refusal, noticed as every other is. */
  problemOf(socket: AttachedSocket, error: unknown, frame: Frame | undefined): object;
}

export interface Link {
  ws: WebSocket;
  /** The connection below. */
  socket: Socket;
}

/**
 * One socket of a participant: reads its frames, sends answers and news, and keeps within bounds. It is no session and
 * no liveness: whatever becomes of it changes nothing in any election.
 */
export class AttachedSocket implements Listener {
  /** Sessions whose news come here. */
  readonly sessions = new Set<string>();
  private readonly left = new AbortController();
  private secondFrom = 0;
  private framesInSecond = 0;
  private inFlight = 0;
  private corked = false;
  private closedWith: number | undefined;
  private looks = 0;
  private looksUnread = 0;

  constructor(
    private readonly link: Link,
    readonly principal: Principal,
    private readonly desk: Desk,
    private readonly clock: Clock,
  ) {
    const { ws } = link;
    ws.on('message', (data, isBinary) => this.receive(data as Buffer, isBinary));
    ws.on('ping', () => this.heard());
    ws.on('pong', () => {
      this.looks = 0;
      this.heard();
    });
    // Told by `close` as well, with its code.
    ws.on('error', () => undefined);
    ws.once('close', () => this.left.abort());
  }

  /** Fires when the socket is gone or shall go: held answers end, with a true answer. */
  get signal(): AbortSignal {
    return this.left.signal;
  }

  tell(news: News): void {
    if ('election' in news && !maySeeElection(this.principal, news.election)) return;
    this.send(JSON.stringify(news));
  }

  sessionGone(sessionId: string): void {
    this.sessions.delete(sessionId);
  }

  /** Why the service closed it, whatever the other side made of that. */
  get closeCode(): number | undefined {
    return this.closedWith;
  }

  get isGone(): boolean {
    return this.link.ws.readyState !== this.link.ws.OPEN;
  }

  /** Held answers are given now; what is asked from here on is not held any more. */
  release(): void {
    this.left.abort();
  }

  /** Called once a second: asks whether anybody is there, and reads. An answer to it renews nothing. */
  look(): void {
    this.looksUnread = this.link.ws.bufferedAmount > MOST_LEFT_UNREAD_BYTES ? this.looksUnread + 1 : 0;
    if (this.looksUnread >= LOOKS_LEFT_UNREAD) return this.closeSlow();
    this.looks += 1;
    if (this.looks === LOOKS_PER_PING) this.link.ws.ping();
    else if (this.looks >= 2 * LOOKS_PER_PING) this.link.ws.terminate();
  }

  close(reason: CloseReason, text: string): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = CLOSE[reason];
    // Cuts by itself when the other side does not close in turn.
    this.link.ws.close(this.closedWith, text);
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (this.closedWith !== undefined) return;
    const receivedAtMs = this.clock.monotonicMs();
    this.looks = 0;
    if (isBinary) return this.close('unsupported', 'Frames are text.');
    const excess = this.heard(receivedAtMs);
    if (excess > MOST_REFUSED_PER_SECOND) return;
    let frame: Frame | undefined;
    try {
      frame = readFrame(data, receivedAtMs);
      if (excess > 0) throw tooManyFrames();
      if (this.inFlight >= MOST_IN_FLIGHT) throw tooManyInFlight();
    } catch (error) {
      this.refuse(error, frame);
      if (error instanceof IncumbentError && error.code === 'request.malformed_json')
        this.close('notJson', 'Frames are JSON.');
      return;
    }
    void this.answer(frame);
  }

  private async answer(frame: Frame): Promise<void> {
    this.inFlight += 1;
    try {
      const answer = await this.desk.carry(this, frame);
      this.send(JSON.stringify({ id: frame.id, ok: true, ...answer }));
    } catch (error) {
      this.refuse(error, frame);
    } finally {
      this.inFlight -= 1;
    }
  }

  private refuse(error: unknown, frame: Frame | undefined): void {
    const problem = this.desk.problemOf(this, error, frame);
    this.send(JSON.stringify({ id: frame?.id ?? null, ok: false, problem }));
  }

  /** Answers that are ready in the same turn of the event loop leave in one write. */
  private send(text: string): void {
    const { ws, socket } = this.link;
    if (this.closedWith !== undefined || ws.readyState !== ws.OPEN) return;
    if (!this.corked) {
      this.corked = true;
      socket.cork();
      // Runs when all promises that were settled in this turn have been followed.
      process.nextTick(() => this.flush());
    }
    ws.send(text);
  }

  private flush(): void {
    const { ws, socket } = this.link;
    this.corked = false;
    socket.uncork();
    // What is left is more than the network took: whoever reads does not keep up.
    if (ws.bufferedAmount > MOST_UNREAD_BYTES) this.closeSlow();
  }

  private closeSlow(): void {
    this.close('slow', 'Read the answers, or send less.');
  }

  /**
   * Counts a frame of whatever kind, pings and pongs too, and closes the socket when they are far too many.
   * @returns by how many the present second is over what is carried out
   */
  private heard(nowMs = this.clock.monotonicMs()): number {
    if (nowMs - this.secondFrom >= 1_000) {
      this.secondFrom = nowMs;
      this.framesInSecond = 0;
    }
    this.framesInSecond += 1;
    const excess = this.framesInSecond - MOST_FRAMES_PER_SECOND;
    if (excess > MOST_REFUSED_PER_SECOND) this.close('tooMany', 'Renew every renewAfterMs.');
    return excess;
  }
}

/** @throws IncumbentError request.malformed_json, request.invalid_body for a frame whose answer nobody could find */
function readFrame(data: Buffer, receivedAtMs: number): Frame {
  const value = parseJson(data);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw noObject();
  const fields = value as Record<string, unknown>;
  const { id, op } = fields;
  const isText = typeof id === 'string' && id.length >= 1 && id.length <= 64;
  if (isText || (Number.isSafeInteger(id) && (id as number) >= 0))
    return { id: id as FrameId, op, fields, receivedAtMs };
  const message = 'Must be a text of 1 to 64 characters or a whole number from 0 on.';
  throw new IncumbentError('request.invalid_body', `/id: ${message}`, {
    errors: [{ pointer: '/id', code: 'invalid', message }],
  });
}

function noObject(): IncumbentError {
  const message = 'A frame is an object with an id and an op.';
  return new IncumbentError('request.invalid_body', message, {
    errors: [{ pointer: '', code: 'invalid_type', message }],
  });
}

function tooManyFrames(): IncumbentError {
  return new IncumbentError(
    'limit.rate_exceeded',
    `A socket may send ${MOST_FRAMES_PER_SECOND} frames a second. Renew every renewAfterMs.`,
    {
      executed: false,
      retryAfterMs: 1_000,
      limit: { name: 'framesPerSecond', value: MOST_FRAMES_PER_SECOND },
    },
  );
}

function tooManyInFlight(): IncumbentError {
  return new IncumbentError(
    'limit.rate_exceeded',
    `At most ${MOST_IN_FLIGHT} frames of a socket may wait for answers. Wait for some before you send more.`,
    {
      executed: false,
      retryAfterMs: 100,
      limit: { name: 'framesInFlight', value: MOST_IN_FLIGHT },
    },
  );
}
