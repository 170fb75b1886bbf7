import { type Clock, settled } from './clock.js';
import { IncumbentProblem, isGone } from './problem.js';
import type { SteppedDown } from './stand.js';
import type { Answer } from './transport.js';
import { readStandAnswer, type StandAnswer } from './wire.js';

/** The step-downs of one stand, one after the other. */
export class StepDowns {
  #left: string | undefined;
  #underWay: Promise<unknown> | undefined;
  #refusal: Error | undefined;

  /** With what the service has refused one for good. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /** Whether the candidacy has stepped down, heard or not. Answers that name it are of before, whenever they come. */
  left(candidateId: string | undefined): boolean {
    return candidateId !== undefined && candidateId === this.#left;
  }

  /**
   * @param send pursues the call; not called in this turn: until then the belief in the candidacy ends
   * @param cut ends the stand: what it still leads at the service is not believed here
   * @throws IncumbentProblem when the service refuses for good
   */
  async carry(candidateId: string, send: () => Promise<Answer>, cut: () => void): Promise<SteppedDown> {
    this.#left = candidateId;
    const answer = Promise.resolve().then(send);
    this.#underWay = answer;
    try {
      const { leader } = readStandAnswer((await answer).body);
      return { outcome: 'stepped_down', ...(leader && { leader }) };
    } catch (error) {
      if (isGone(error)) return { outcome: 'expired' };
      if (!(error instanceof IncumbentProblem)) return { outcome: 'unknown' };
      this.#refusal = error;
      cut();
      throw error;
    } finally {
      this.#underWay = undefined;
    }
  }

  /** Resolves when the step-down under way is answered, so that its new candidacy is known; after `withinMs` at last. */
  async answered(clock: Clock, withinMs: number, signal: AbortSignal): Promise<void> {
    if (this.#underWay) await settled(clock, this.#underWay, withinMs, signal);
  }
}

/** Whether an answer says that the caller has a seat, granted or not. */
export function hasSeat(answer: StandAnswer | undefined): boolean {
  return answer?.state === 'leader' || answer?.state === 'yielding';
}
