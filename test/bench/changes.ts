import type { Incumbent } from './incumbent.js';

/** A leader of the ring may have to wait long for its next turn and renews not. */
const TTL_MS = 60_000;

/** A change of leadership that was asked for, and when. */
export interface Asked {
  type: 'leadership.acquired' | 'leadership.lost';
  election: string;
  term: number;
  sentMs: number;
}

/**
 * Makes changes of leadership at a steady pace, whatever the answers take (an open loop): each turn one participant
 * of a ring campaigns in an election of its own or, if it leads there, resigns.
 */
export class Changes {
  readonly asked: Asked[] = [];
  readonly #ring: Seat[];
  #next = 0;
  #late = 0;

  /** Makes one election for each participant. */
  static async prepare(prefix: string, participants: Incumbent[]): Promise<Changes> {
    const ring = participants.map((participant, place) => new Seat(participant, `${prefix}-${place}`));
    for (const { participant, election } of ring)
      await participant.createElection(election, { ttlMs: TTL_MS });
    return new Changes(ring);
  }

  private constructor(ring: Seat[]) {
    this.#ring = ring;
  }

  /** Turns that were left out because the participant was still waiting for its last answer. */
  get late(): number {
    return this.#late;
  }

  /** Runs for some time and waits for the last answers. @param perSecond changes */
  async run(perSecond: number, durationMs: number): Promise<void> {
    const beginMs = performance.now();
    const turns = Math.round((perSecond * durationMs) / 1_000);
    const underWay = new Set<Promise<void>>();
    for (let turn = 0; turn < turns; turn += 1) {
      const waitMs = beginMs + (turn * 1_000) / perSecond - performance.now();
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const change = this.#turn().finally(() => underWay.delete(change));
      underWay.add(change);
    }
    await Promise.all(underWay);
  }

  async #turn(): Promise<void> {
    const seat = this.#ring[this.#next++ % this.#ring.length];
    if (!seat) throw new Error('There is nobody to make changes.');
    if (seat.busy) this.#late += 1;
    else this.asked.push(await seat.change());
  }
}

/** A participant that leads or does not. */
class Seat {
  busy = false;
  #standing: Awaited<ReturnType<Incumbent['campaign']>> | undefined;

  readonly participant: Incumbent;
  readonly election: string;

  constructor(participant: Incumbent, election: string) {
    this.participant = participant;
    this.election = election;
  }

  async change(): Promise<Asked> {
    this.busy = true;
    const sentMs = performance.now();
    const { election, participant } = this;
    try {
      if (this.#standing) {
        const { term = 0 } = this.#standing;
        await participant.resign(election, this.#standing);
        this.#standing = undefined;
        return { type: 'leadership.lost', election, term, sentMs };
      }
      this.#standing = await participant.campaign(election, { candidate: 'bench' });
      return { type: 'leadership.acquired', election, term: this.#standing.term ?? 0, sentMs };
    } finally {
      this.busy = false;
    }
  }
}
