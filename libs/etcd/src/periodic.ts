import type { Clock, Timer } from '#core';

/** Runs a task again and again, `everyMs` after its last end, until `close`. The task must not throw. */
export class Periodic {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #task: () => Promise<void>;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(clock: Clock, everyMs: number, task: () => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#task = task;
  }

  /** Runs the task at once for the first time. */
  start(): void {
    this.#running = this.#task().finally(() => {
      if (!this.#closed) this.#timer = this.#clock.after(this.#everyMs, () => this.start());
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }
}
