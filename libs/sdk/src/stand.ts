import { IncumbentProblem } from './problem.js';
import type { Answer } from './transport.js';
import { isRecord, type Leader, type Metadata, type StandAnswer } from './wire.js';

/** What a candidate says of itself when it stands. Unset fields take the election's defaults. */
export interface StandRequest {
  /** Name of this process in the election; one live candidacy per name. */
  readonly candidate: string;
  /** Other than the client's: the candidacy gets a session of its own. */
  readonly ttlMs?: number;
  readonly address?: string;
  readonly metadata?: Metadata;
  readonly priority?: number;
  /** How well this process is, 0 to 100, as policy `health` looks at it; later changes by `reportHealth`. */
  readonly health?: number;
}

export interface StandOptions {
  readonly election: string;
  readonly request: StandRequest;
  /** Wait for a holder of the same name to end instead of failing. */
  readonly waitForName: boolean;
  random(): number;
  /** Every readable answer, with the instant of its request's sending. */
  onAnswer(answer: StandAnswer, sent: Answer['sent']): void;
  onTrouble(error: Error): void;
}

export interface Resigned {
  /**
   * `expired`: no answer came, but the session's TTL has passed since its last renewal. `unknown`: the campaign
   * itself was never answered, or the resigning was cut short; what is left at the service ends by its TTL, and a
   * shared session resigns what it is told to lead for nobody.
   */
  readonly outcome: 'resigned' | 'expired' | 'unknown';
  /** Candidate that leads next, where the service named it. */
  readonly successor?: unknown;
}

export interface SteppedDown {
  /**
   * `not_leading`: there was no term to end, and nothing was sent. `expired`: the session ended before, and the term with
   * it. `unknown`: the candidacy was over, or left, before the service had answered.
   */
  readonly outcome: 'stepped_down' | 'not_leading' | 'expired' | 'unknown';
  /** Who leads then: this candidate itself, in a new term, if it is alone. */
  readonly leader?: Leader;
}

/** One stand in an election, until the service says that it is over. */
export interface Stand {
  readonly candidateId: string | undefined;
  /** Whether it was told a term that it has not ended itself. */
  readonly leads: boolean;
  /**
   * Stands until the service ends it; resolves with the reason.
   * @throws IncumbentProblem when the service refuses for good, AbortError after `stop()`.
   */
  run(): Promise<string>;
  /**
   * Ends the term that it leads; the stand goes on as another candidacy. Sends nothing in the turn in which it is called.
   * Repeated until a definite answer, or until the stand is over.
   * @throws IncumbentProblem when the service refuses for good; the stand is over then
   */
  stepDown(signal: AbortSignal): Promise<SteppedDown>;
  /** Tells the service with the next renewal in the election. */
  reportHealth(health: number): void;
  /**
   * Stops, then tells the service; repeated until a definite answer or until nothing can be left to resign.
   * @param failed the process could not do the work
   */
  resign(signal: AbortSignal, failed?: boolean): Promise<Resigned>;
}

/** The name may belong to this process's previous life, whose session ends within a TTL; twice that is enough. */
export function mayWaitForName(
  error: unknown,
  { waitForName }: Pick<StandOptions, 'waitForName'>,
  sinceMs: number,
  ttlMs: number,
): boolean {
  if (!(error instanceof IncumbentProblem) || error.code !== 'election.candidate_taken') return false;
  return waitForName && sinceMs < 2 * ttlMs;
}

export function successorOf({ body }: Answer): Pick<Resigned, 'successor'> {
  const successor = isRecord(body) ? body['successor'] : undefined;
  return successor === undefined || successor === null ? {} : { successor };
}
