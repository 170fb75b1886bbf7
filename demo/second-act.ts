import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scene } from './first-act.js';
import type { DialerNews, DialerOrders } from './messages.js';
import { heading, paint, progress, tell } from './stage.js';
import type { Dialer } from './troupe.js';

/** One term as the demo saw it. */
export interface TermSeen {
  readonly term: number;
  readonly fence: number;
  readonly dialer: string;
  readonly token: string | undefined;
  end: string;
  /** From the blow that ended the term to the moment when the next leader knew. */
  vacancyMs: number | undefined;
}

export interface SecondAct {
  readonly terms: readonly TermSeen[];
  readonly failures: readonly string[];
}

/** After so many placed calls the next blow falls. */
const KILL_AT = 40;
const FREEZE_AT = 90;
const THAW_AFTER_MORE = 15;
const RESIGN_AT = 150;
const STEP_TIMEOUT_MS = 30_000;
/** A call that had left before the freeze has reached the gateway after this. */
const SETTLE_MS = 100;

/** The same five processes, and exactly the leader dials, whatever happens to it. */
export class Director {
  readonly #scene: Scene;
  readonly #terms: TermSeen[] = [];
  readonly #failures: string[] = [];
  readonly #refused = new Set<Dialer>();
  #calls = 0;
  #blowMs: number | undefined;
  #finished = false;
  /** Looks again at what is awaited, at every piece of news. */
  #look: () => void = () => undefined;

  constructor(scene: Scene) {
    this.#scene = scene;
    for (const dialer of scene.dialers) dialer.on('news', (news) => this.#hear(dialer, news));
  }

  async play(incumbent: NonNullable<DialerOrders['incumbent']>): Promise<SecondAct> {
    heading('Second act: the same five dialers, with Incumbent');
    const { gateway, dialers, customersFile, ringMs } = this.#scene;
    for (const dialer of dialers) {
      dialer.tell({
        kind: 'dial',
        name: dialer.name,
        customersFile,
        gatewayUrl: gateway.url,
        ringMs,
        incumbent,
      });
    }
    await this.#until(() => this.#calls >= KILL_AT, `${KILL_AT} calls`);
    await this.#kill();
    await this.#until(() => this.#calls >= FREEZE_AT, `${FREEZE_AT} calls`);
    const frozen = await this.#freeze();
    const thawAt = this.#calls + THAW_AFTER_MORE;
    await this.#until(() => this.#calls >= thawAt, 'the successor of the frozen leader to dial');
    await this.#thaw(frozen);
    await this.#until(() => this.#calls >= RESIGN_AT, `${RESIGN_AT} calls`);
    await this.#resign();
    await this.#until(() => this.#finished, 'the list to be done');
    tell(paint('green', 'the list is done'));
    return { terms: this.#terms, failures: this.#failures };
  }

  get #leader(): { seen: TermSeen; dialer: Dialer } {
    const seen = this.#terms.at(-1);
    const dialer = this.#scene.dialers.find(({ name }) => name === seen?.dialer);
    if (seen === undefined || dialer === undefined) throw new Error('Nobody leads yet.');
    return { seen, dialer };
  }

  async #kill(): Promise<void> {
    const { seen, dialer } = this.#leader;
    this.#strike(seen, 'killed (SIGKILL)');
    await dialer.kill();
    await this.#untilSucceeded(seen);
  }

  /** Freezes the leader while a phone rings: it has asked whether it leads, and has not yet made the call. */
  async #freeze(): Promise<{ dialer: Dialer; seen: TermSeen }> {
    for (;;) {
      const { seen, dialer } = this.#leader;
      const customer = await this.#nextRinging(dialer);
      dialer.signal('SIGSTOP');
      const blowMs = performance.now();
      await sleep(SETTLE_MS);
      const { calls } = await this.#scene.gateway.report();
      if (calls.some((call) => call.customer === customer)) {
        // Too late, that call was through already: try with the next.
        dialer.signal('SIGCONT');
        continue;
      }
      this.#strike(seen, 'frozen (SIGSTOP)', blowMs);
      await this.#untilSucceeded(seen);
      return { dialer, seen };
    }
  }

  async #thaw({ dialer, seen }: { dialer: Dialer; seen: TermSeen }): Promise<void> {
    tell(`${paint('cyan', dialer.name)} is thawed (SIGCONT) and goes on where it was: it makes its call`);
    dialer.signal('SIGCONT');
    await this.#until(() => this.#refused.has(dialer), `the late call of term ${seen.term} to be refused`);
  }

  async #resign(): Promise<void> {
    const { seen, dialer } = this.#leader;
    this.#strike(seen, 'asked to resign');
    dialer.tell({ kind: 'resign' });
    await this.#untilSucceeded(seen);
  }

  #strike(seen: TermSeen, end: string, atMs = performance.now()): void {
    seen.end = end;
    this.#blowMs = atMs;
    tell(`${paint('cyan', seen.dialer)} is ${paint('yellow', end)}`);
  }

  async #nextRinging(dialer: Dialer): Promise<string> {
    for (;;) {
      const [news] = (await once(dialer, 'news', { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) })) as [
        DialerNews,
      ];
      if (news.kind === 'ringing') return news.customer;
    }
  }

  #hear(dialer: Dialer, news: DialerNews): void {
    if (news.kind === 'elected') this.#elected(dialer, news);
    if (news.kind === 'called') {
      this.#calls += 1;
      progress(`${this.#calls} customers called; ${dialer.name} dials`);
    }
    if (news.kind === 'refused') {
      this.#refused.add(dialer);
      tell(
        `${paint('cyan', dialer.name)} is ${paint('red', 'refused by the gateway')}: fence ${news.fence}, but ${news.highest} has been there`,
      );
    }
    // A leader that resigns leads until it says so, not until it was asked to.
    if (news.kind === 'lost' && news.reason === 'resigned') this.#blowMs = performance.now();
    if (news.kind === 'failed') this.#failures.push(`${dialer.name}: ${news.message}`);
    if (news.kind === 'finished') this.#finished = true;
    this.#look();
  }

  #elected(dialer: Dialer, { term, fence, token }: Extract<DialerNews, { kind: 'elected' }>): void {
    const before = this.#terms.at(-1);
    if (before?.term === term) return;
    const vacancyMs = this.#blowMs === undefined ? undefined : performance.now() - this.#blowMs;
    if (before !== undefined) before.vacancyMs = vacancyMs;
    this.#blowMs = undefined;
    this.#terms.push({
      term,
      fence,
      dialer: dialer.name,
      token,
      end: 'led to the end',
      vacancyMs: undefined,
    });
    const after = vacancyMs === undefined ? '' : `, ${Math.round(vacancyMs)} ms later`;
    tell(`${paint('cyan', dialer.name)} ${paint('green', 'leads')} term ${term} with fence ${fence}${after}`);
  }

  #untilSucceeded(seen: TermSeen): Promise<void> {
    return this.#until(() => this.#terms.at(-1) !== seen, `a successor of term ${seen.term}`);
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`Waited ${STEP_TIMEOUT_MS / 1000} s in vain for ${what}.`)),
        STEP_TIMEOUT_MS,
      );
      this.#look = () => {
        if (!condition() && this.#failures.length === 0) return;
        clearTimeout(timer);
        if (condition()) resolve();
        else reject(new Error(`A dialer failed: ${this.#failures.join('; ')}`));
      };
      this.#look();
    }).finally(() => (this.#look = () => undefined));
  }
}
