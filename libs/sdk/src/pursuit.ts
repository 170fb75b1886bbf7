import type { Timer } from './clock.js';
import { asError, IncumbentProblem, isTransient, Unreachable } from './problem.js';
import type { Answer, Call, Transport } from './transport.js';

/** How a call is repeated until it has a definite answer. Times in milliseconds. */
export interface Patience {
  /** What the n-th try (from 0) sends, and how long it may stay alone before the next one starts. */
  plan(attempt: number): { call: Call; timeoutMs: number };
  /** Throws Unreachable for a success that is not usable; the try then counts as failed. */
  check?(answer: Answer): void;
  /** Longest pause between tries; asked before each, for it may grow once nothing is left to lose. */
  retryCapMs(): number;
  /** Ends the pursuit: its promise rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** The pursuit gives up this long after it began; unset: never. */
  readonly giveUpAfterMs?: number;
  /** Told of every try that failed or stays silent. */
  onTrouble?(error: Error): void;
  random(): number;
}

/** A first pause: short against any TTL, long against a replica's restart of its listener. */
const FIRST_PAUSE_MS = 50;

/** Tries in flight at once. The older one of a slow service may still win; more would only add to its load. */
const MOST_TRIES = 2;

/**
 * Repeats one call until the service gives a definite answer: a success, or a refusal that time will not mend.
 * A try that stays silent is not cut but joined by a second one to another replica; the first answer wins and
 * keeps the instant of its own sending. Pauses grow exponentially with full jitter; Retry-After is honoured up to
 * the cap, because a renewal that waits longer loses its term for nothing.
 *
 * The call must be harmless when repeated: every try may take effect, also one whose answer never came.
 */
export function pursue(transport: Transport, patience: Patience): Promise<Answer> {
  return new Promise((resolve, reject) => new Pursuit(transport, patience, resolve, reject).start());
}

class Pursuit {
  readonly #transport: Transport;
  readonly #patience: Patience;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  readonly #tries: AbortController[] = [];
  readonly #onAbort = (): void => this.#end(() => this.#reject(asError(this.#patience.signal.reason)));
  #timer: Timer | undefined;
  #giveUp: Timer | undefined;
  #attempt = 0;
  #failures = 0;
  #over = false;

  constructor(
    transport: Transport,
    patience: Patience,
    resolve: (answer: Answer) => void,
    reject: (error: Error) => void,
  ) {
    this.#transport = transport;
    this.#patience = patience;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { signal, giveUpAfterMs } = this.#patience;
    if (signal.aborted) return this.#onAbort();
    signal.addEventListener('abort', this.#onAbort);
    if (giveUpAfterMs !== undefined) {
      const message = `No definite answer within ${Math.round(giveUpAfterMs)} ms.`;
      this.#giveUp = this.#transport.clock.after(giveUpAfterMs, () =>
        this.#end(() => this.#reject(new Unreachable(message))),
      );
    }
    this.#launch();
  }

  #launch(): void {
    const { call, timeoutMs } = this.#patience.plan(this.#attempt++);
    const own = new AbortController();
    this.#tries.push(own);
    if (this.#tries.length > MOST_TRIES) this.#tries.shift()?.abort();
    this.#send(call, own.signal).then(
      (answer) => this.#end(() => this.#resolve(answer)),
      (error: unknown) => this.#failed(own, asError(error)),
    );
    this.#arm(Math.max(timeoutMs, this.#ceilingMs() / 2), () => {
      this.#failures++;
      this.#transport.avoid();
      this.#tell(new Unreachable(`No answer after ${Math.round(timeoutMs)} ms; trying again.`));
      this.#launch();
    });
  }

  async #send(call: Call, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#transport.send(call, signal);
    this.#patience.check?.(answer);
    return answer;
  }

  #failed(own: AbortController, error: Error): void {
    if (this.#over || own.signal.aborted) return;
    if (!isTransient(error)) return this.#end(() => this.#reject(error));
    const wasLatest = this.#tries.at(-1) === own;
    this.#tries.splice(this.#tries.indexOf(own), 1);
    this.#failures++;
    this.#tell(error);
    // An older try failed while a younger one is still out: its timer goes on.
    if (wasLatest && !this.#over) this.#arm(this.#pauseMs(error), () => this.#launch());
  }

  #pauseMs(error: Error): number {
    const asked = error instanceof IncumbentProblem ? error.retryAfterMs : undefined;
    const stopping = error instanceof IncumbentProblem && error.code === 'service.stopping';
    const elsewhere = this.#failures < this.#transport.replicas;
    if (elsewhere && (stopping || asked === undefined)) return 0;
    const jittered = this.#patience.random() * this.#ceilingMs();
    return Math.min(Math.max(asked ?? 0, jittered), this.#patience.retryCapMs());
  }

  #ceilingMs(): number {
    return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 20), this.#patience.retryCapMs());
  }

  #arm(delayMs: number, run: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#transport.clock.after(delayMs, run);
  }

  #tell(error: Error): void {
    this.#patience.onTrouble?.(error);
  }

  #end(settle: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#patience.signal.removeEventListener('abort', this.#onAbort);
    this.#timer?.cancel();
    this.#giveUp?.cancel();
    settle();
    for (const one of this.#tries) one.abort();
  }
}
