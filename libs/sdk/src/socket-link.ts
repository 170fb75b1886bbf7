import { type Clock, readMoment } from './clock.js';
import type { Frame } from './frames.js';
import { IncumbentProblem, Unreachable } from './problem.js';
import type { Answer } from './transport.js';
import { isRecord } from './wire.js';

/** As much of a WebSocket as is needed here; that of Node 22 and that of the package `ws` fit. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Opens a WebSocket with these headers. */
export type OpenSocket = (
  url: string,
  options: { protocol: string; headers: Record<string, string> },
) => SocketLike;

/** What is told without being asked. */
export type News = Readonly<Record<string, unknown>> & { readonly event: string };

export interface LinkListener {
  onNews(news: News): void;
  /** It was open and is not any more. */
  onClosed(): void;
}

/** A handshake that takes longer has failed. */
const OPEN_WITHIN_MS = 3_000;

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly sent: Answer['sent'];
}

/** One socket to one base URL, from its opening to its end. A frame that was not answered by then was lost. */
export class SocketLink {
  /** Sessions whose news come over this socket. */
  readonly sessions = new Set<string>();
  readonly opened: Promise<void>;
  readonly #socket: SocketLike;
  readonly #clock: Clock;
  readonly #listener: LinkListener;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #state: 'opening' | 'open' | 'retired' | 'closed' = 'opening';
  /** Without effect once it is open. */
  #failOpening: (error: Error) => void = () => undefined;
  #heardAtMs: number;

  constructor(socket: SocketLike, clock: Clock, listener: LinkListener) {
    this.#socket = socket;
    this.#clock = clock;
    this.#listener = listener;
    this.#heardAtMs = clock.monotonicMs();
    this.opened = new Promise((resolve, reject) => {
      this.#failOpening = reject;
      const timer = clock.after(OPEN_WITHIN_MS, () => this.#end());
      socket.onopen = () => {
        timer.cancel();
        if (this.#state === 'opening') this.#state = 'open';
        resolve();
      };
      socket.onmessage = ({ data }) => this.#hear(data);
      socket.onerror = () => undefined;
      socket.onclose = () => {
        timer.cancel();
        this.#end();
      };
    });
    // Whoever asks for it is told; nobody has to.
    this.opened.catch(() => undefined);
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  /** For how long nothing was heard although something was asked. */
  silentMs(): number {
    const [oldest] = this.#pending.values();
    if (!oldest) return 0;
    return this.#clock.monotonicMs() - Math.max(oldest.sent.monotonicMs, this.#heardAtMs);
  }

  /**
   * Sends one frame. The instant of its sending is read here, after the socket was opened.
   * @throws IncumbentProblem for a refusal, Unreachable when the socket ends before an answer
   */
  ask({ op, fields }: Frame, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'closed') return reject(new Unreachable('The socket is closed.'));
      if (signal.aborted) return reject(new Unreachable('Cut.'));
      const id = (this.#lastId += 1);
      const cut = (): void => this.#settle(id, (pending) => pending.reject(new Unreachable('Cut.')));
      signal.addEventListener('abort', cut, { once: true });
      const forget = (): void => signal.removeEventListener('abort', cut);
      const sent = readMoment(this.#clock);
      this.#pending.set(id, {
        sent,
        resolve: (answer) => (forget(), resolve(answer)),
        reject: (error) => (forget(), reject(error)),
      });
      this.#socket.send(JSON.stringify({ id, op, ...fields }));
    });
  }

  /** Nothing more is asked; closes when everything that was asked is answered. */
  retire(): void {
    if (this.#state === 'closed') return;
    this.#state = 'retired';
    if (this.#pending.size === 0) this.close();
  }

  close(): void {
    this.#end();
  }

  #hear(data: unknown): void {
    this.#heardAtMs = this.#clock.monotonicMs();
    const frame = readFrame(data);
    if (frame === undefined) return;
    if (typeof frame['event'] === 'string') return this.#listener.onNews(frame as News);
    const { id, ok, problem } = frame;
    if (typeof id !== 'number') return;
    this.#settle(id, (pending) => {
      if (ok === true) pending.resolve({ status: 200, body: frame, sent: pending.sent });
      else pending.reject(toProblem(problem));
    });
    if (this.#state === 'retired' && this.#pending.size === 0) this.close();
  }

  #settle(id: number, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending) how(pending);
  }

  #end(): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#socket.close(1_000);
    this.#failOpening(new Unreachable('The socket could not be opened.'));
    for (const pending of [...this.#pending.values()])
      pending.reject(new Unreachable('The socket was closed.'));
    this.#pending.clear();
    if (wasOpen) this.#listener.onClosed();
  }
}

function readFrame(data: unknown): Record<string, unknown> | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const frame: unknown = JSON.parse(data);
    return isRecord(frame) ? frame : undefined;
  } catch {
    return undefined;
  }
}

function toProblem(problem: unknown): Error {
  if (!isRecord(problem)) return new Unreachable('The refusal has no problem.');
  const { status, retryAfterMs } = problem;
  return new IncumbentProblem(
    typeof status === 'number' ? status : 500,
    problem,
    typeof retryAfterMs === 'number' ? retryAfterMs : undefined,
  );
}
