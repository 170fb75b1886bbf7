import { relative } from 'node:path';
import type { OwnedProcess } from '#local-stack';
import { demoOf } from './demo-tenant.js';
import { type StackOptions, StartError } from './options.js';
import { recompileOnChange } from './recompile.js';
import { Service, serviceEnvironment } from './replicas.js';
import { RunFile } from './run-record.js';
import { secretsOf } from './secrets.js';
import { type Folders, foldersOf, requireFreePorts, type RunningServers, startServers } from './servers.js';
import { step } from './terminal.js';
import { welcome } from './welcome.js';

/** One Ctrl-C arrives several times: from the terminal, from npm, from the bootstrap. */
const ONE_INTERRUPT_MS = 500;

/** Why the stack has to stop; without a reason to tell, somebody asked for it. */
interface End {
  readonly code: number;
  readonly why?: string;
}

/** Thrown inside `#bringUp` when the end came first. */
class Ended extends Error {}

/** Everything that `npm start` runs, from the first server to the last process stopped. */
export class Stack {
  readonly #options: StackOptions;
  readonly #beganMs: number;
  readonly #folders: Folders;
  readonly #runFile: RunFile;
  readonly #owned = new Set<OwnedProcess>();
  readonly #ended = Promise.withResolvers<End>();
  #end: End | undefined;
  #endedMs = 0;
  #servers: RunningServers | undefined;
  #service: Service | undefined;
  #restarted = Promise.resolve();
  #stopCompiler: (() => void) | undefined;

  /** @param beganMs when the command began, by the wall clock */
  constructor(options: StackOptions, beganMs: number) {
    this.#options = options;
    this.#beganMs = beganMs;
    this.#folders = foldersOf(options);
    this.#runFile = new RunFile(this.#folders.top);
  }

  /**
   * Brings everything up, stays until something ends it, takes everything down, and returns the exit code.
   * @throws StartError when another run uses the data folder
   */
  async run(): Promise<number> {
    const left = await this.#runFile.claim();
    if (left.length > 0) console.log(`  leftovers  stopped ${left.join(', ')} of a run that was killed`);
    this.#heedSignals();
    try {
      await this.#bringUp();
    } catch (error) {
      if (!(error instanceof Ended)) this.#finish({ code: 1, why: reasonOf(error) });
    }
    const end = await this.#ended.promise;
    if (end.why) console.error(`\n${end.why}\n`);
    await this.#takeDown();
    this.#runFile.release();
    return end.code;
  }

  async #bringUp(): Promise<void> {
    const options = this.#options;
    await requireFreePorts(options);
    const secrets = secretsOf(this.#folders.top);
    const servers = await this.#step('servers', () => startServers(options, this.#folders, secrets), namesOf);
    this.#servers = servers;
    for (const server of servers.processes) this.#own(server, true);
    const env = serviceEnvironment(process.env, options, servers, secrets);
    const service = new Service(options, this.#folders, env, (started, lasting) =>
      this.#own(started, lasting),
    );
    this.#service = service;
    await this.#step(
      'database',
      () => service.migrate(),
      () => 'migrated',
    );
    await this.#step(
      'service',
      () => service.start(),
      () => `${counted(options.replicas, 'replica')} and the worker`,
    );
    const baseUrl = `http://127.0.0.1:${options.ports.api[0]}`;
    const adminToken = env['ADMIN_TOKEN'] ?? secrets.adminToken;
    const demo = await this.#step(
      'demo',
      () => demoOf(this.#folders.data, baseUrl, adminToken),
      () => 'tenant, key, election',
    );
    const [data, logs] = [shortPath(this.#folders.data), shortPath(this.#folders.logs)];
    const tookMs = performance.timeOrigin + performance.now() - this.#beganMs;
    console.log(welcome({ options, demo, adminToken, data, logs, tookMs }));
    if (options.dev) this.#stopCompiler = recompileOnChange(() => this.#restartService(service));
  }

  async #step<T>(label: string, work: () => Promise<T>, what: (result: T) => string): Promise<T> {
    if (this.#end) throw new Ended();
    const result = await step(label, work, what);
    return result;
  }

  /** Each restart waits for the one before. */
  #restartService(service: Service): void {
    this.#restarted = this.#restarted.then(() => this.#restartNow(service));
  }

  async #restartNow(service: Service): Promise<void> {
    if (this.#end) return;
    try {
      await step(
        'rebuilt',
        () => service.stop().then(() => service.start()),
        () => 'restarted the API and the worker',
      );
    } catch (error) {
      console.error(`\n${reasonOf(error)}\n\nWaiting for the next change.`);
    }
  }

  /** Watches over a process: if one that should last ends by itself, everything stops. */
  #own(owned: OwnedProcess, lasting: boolean): void {
    this.#owned.add(owned);
    this.#runFile.note(owned);
    void owned.exited.then(({ code, signal }) => {
      this.#owned.delete(owned);
      if (!lasting || owned.stopping || this.#options.dev) return;
      const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
      const why = `${owned.name} ${how}. Its last words (${shortPath(owned.logFile)}):\n\n${owned.lastLines()}`;
      this.#finish({ code: 1, why });
    });
  }

  #heedSignals(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => this.#interrupt());
    process.on('disconnect', () => this.#finish({ code: 1 }));
    // A closed terminal or pipe must not end us before the servers are stopped.
    process.stdout.on('error', () => undefined);
    process.stderr.on('error', () => undefined);
  }

  #interrupt(): void {
    if (!this.#end) {
      this.#finish({ code: 0 });
    } else if (performance.now() - this.#endedMs > ONE_INTERRUPT_MS) {
      for (const owned of this.#owned) owned.signal('SIGKILL');
      process.exit(1);
    }
  }

  #finish(end: End): void {
    if (this.#end) return;
    this.#end = end;
    this.#endedMs = performance.now();
    this.#ended.resolve(end);
  }

  async #takeDown(): Promise<void> {
    this.#stopCompiler?.();
    await this.#restarted;
    if (this.#owned.size === 0) return;
    const work = async () => {
      await this.#service?.stop();
      await this.#servers?.stop();
      // What was started in a step that failed half way.
      await Promise.all([...this.#owned].map((owned) => owned.stop()));
    };
    await step('stop', work, () => 'everything is stopped');
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof StartError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function shortPath(path: string): string {
  const fromHere = relative('', path);
  return fromHere.startsWith('..') ? path : fromHere;
}

function namesOf({ processes }: RunningServers): string {
  const names = processes.map(({ name }) => name);
  return names.length > 0 ? names.join(', ') : 'all of them are yours';
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
