import { IncumbentProblem } from './problem.js';
import type { Answer } from './transport.js';
import { isRecord, type Metadata, type StandAnswer } from './wire.js';

/** What a candidate says of itself when it stands. Unset fields take the election's defaults. */
export interface StandRequest {
  /** Name of this process in the election; one live candidacy per name. */
  readonly candidate: string;
  /** Other than the client's: the candidacy gets a session of its own. */
  readonly ttlMs?: number;
  readonly address?: string;
  readonly metadata?: Metadata;
  readonly priority?: number;
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

/** One stand in an election, until the service says that it is over. */
export interface Stand {
  readonly candidateId: string | undefined;
  /**
   * Stands until the service ends it; resolves with the reason.
   * @throws IncumbentProblem when the service refuses for good, AbortError after `stop()`.
   */
  run(): Promise<string>;
  /** Stops, then tells the service; repeated until a definite answer or until nothing can be left to resign. */
  resign(signal: AbortSignal): Promise<Resigned>;
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
