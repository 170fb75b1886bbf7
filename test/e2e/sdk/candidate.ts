import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { waitUntil } from '#testing';
import type { CandidateNews, CandidateOptions } from './candidate-process.js';

/** A candidate in a process of its own, and what it has told, in order. */
export class Candidate {
  readonly news: CandidateNews[] = [];
  readonly #child: ChildProcess;

  constructor(options: CandidateOptions) {
    const file = new URL('candidate-process.ts', import.meta.url).pathname;
    this.#child = fork(file, [JSON.stringify(options)], {
      execArgv: ['--import', './scripts/run-from-source.mjs'],
    });
    this.#child.on('message', (news: CandidateNews) => this.news.push(news));
  }

  async until<K extends CandidateNews['kind']>(
    kind: K,
    withinMs = 10_000,
  ): Promise<Extract<CandidateNews, { kind: K }>> {
    const found = await waitUntil(() => this.news.find((news) => news.kind === kind), {
      what: `"${kind}"`,
      withinMs,
      everyMs: 5,
    });
    return found as Extract<CandidateNews, { kind: K }>;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.signal('SIGKILL');
    await once(this.#child, 'exit');
  }
}
