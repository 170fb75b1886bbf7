import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { reaper } from './reaper.js';

/** The account that a process runs as, where it is not ours. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Launch {
  /** As people call it: "etcd", "api-2". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited, since servers read variables of their own names. */
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly account?: Account;
  readonly cwd?: string;
  /** What asks it to stop in order; SIGTERM unless said otherwise. */
  readonly stopSignal?: NodeJS.Signals;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A log that has grown beyond it is put aside at the next start; the one before is then forgotten. */
const LONGEST_LOG_BYTES = 10_000_000;

/** A process that we started and that never outlives us. */
export class OwnedProcess {
  readonly name: string;
  readonly logFile: string;
  /** Settles when the process has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #stopSignal: NodeJS.Signals;
  readonly #logStart: number;
  #running = true;
  #stopping = false;

  /** @throws Error when the command cannot be run */
  static async launch(launch: Launch): Promise<OwnedProcess> {
    mkdirSync(dirname(launch.logFile), { recursive: true });
    if (existsSync(launch.logFile) && statSync(launch.logFile).size > LONGEST_LOG_BYTES) {
      renameSync(launch.logFile, `${launch.logFile}.old`);
    }
    const log = openSync(launch.logFile, 'a');
    const logStart = fstatSync(log).size;
    try {
      const child = spawn(launch.command, [...launch.args], {
        ...launch.account,
        cwd: launch.cwd ?? '/',
        env: launch.env,
        // A session of its own: Ctrl-C reaches only us, and we stop everything in order.
        detached: true,
        stdio: ['ignore', log, log],
      });
      await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      return new OwnedProcess(child, launch, logStart);
    } finally {
      closeSync(log);
    }
  }

  private constructor(child: ChildProcess, launch: Launch, logStart: number) {
    if (child.pid === undefined) throw new Error(`${launch.name} did not start`);
    this.#child = child;
    this.name = launch.name;
    this.logFile = launch.logFile;
    this.pid = child.pid;
    this.#stopSignal = launch.stopSignal ?? 'SIGTERM';
    this.#logStart = logStart;
    reaper.watch(this.pid, this.#stopSignal);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#running = false;
        reaper.unwatch(this.pid);
        resolve({ code, signal });
      });
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** True once its end was asked for here; an end before is an accident. */
  get stopping(): boolean {
    return this.#stopping;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(signal);
  }

  /** Ends it at once, without a chance to tidy up. */
  async kill(): Promise<void> {
    this.#stopping = true;
    this.signal('SIGKILL');
    await this.exited;
  }

  /** Freezes it: its connections stay open and nothing answers. */
  pause(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
  }

  /** Asks it to stop, and kills it when it has not after `withinMs`. True if it stopped by itself. */
  async stop(withinMs = 10_000): Promise<boolean> {
    this.#stopping = true;
    this.signal(this.#stopSignal);
    this.resume();
    const timeout = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => timeout.resolve('late'), withinMs);
    const ended = await Promise.race([this.exited, timeout.promise]);
    clearTimeout(timer);
    if (ended !== 'late') return true;
    await this.kill();
    return false;
  }

  /** The last lines that it has logged since it started. */
  lastLines(count = 15): string {
    const text = readFileSync(this.logFile).subarray(this.#logStart).toString();
    return text.trimEnd().split('\n').slice(-count).join('\n');
  }

  /**
   * Waits until `probe` answers true.
   * @throws Error with its last log lines when it ends first, or when it is not ready in time
   */
  async untilReady(probe: () => Promise<boolean>, withinMs = 20_000): Promise<this> {
    const endMs = performance.now() + withinMs;
    while (this.#running && performance.now() < endMs) {
      if (await probe().catch(() => false)) return this;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const why = this.#running ? `is not ready after ${withinMs / 1000} s` : 'ended while starting';
    await this.kill();
    throw new Error(`${this.name} ${why}. Its last words (${this.logFile}):\n${this.lastLines()}`);
  }
}
