import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { type OwnedProcess } from '#local-stack';
import { StartError } from './options.js';

/**
 * `.data/run.json`: which processes run on this data folder. It outlives a kill -9, so that the next start finds
 * what was left behind. A pid alone proves nothing (the system gives it out again): its command line must agree.
 */
interface RunRecord {
  readonly starter: Noted;
  readonly servers: readonly Noted[];
}

interface Noted {
  readonly name: string;
  readonly pid: number;
  readonly command: string;
}

const STOP_WITHIN_MS = 10_000;

export class RunFile {
  readonly #file: string;
  readonly #servers = new Map<number, Noted>();

  constructor(dataFolder: string) {
    this.#file = join(dataFolder, 'run.json');
  }

  /**
   * Takes the data folder for this process; stops what an earlier run left behind.
   * @returns the names of what had to be stopped
   * @throws StartError if another run is using the folder
   */
  async claim(): Promise<string[]> {
    const last = this.#read();
    if (last && isAlive(last.starter)) {
      throw new StartError(
        `Incumbent already runs on this data folder (process ${last.starter.pid}). Stop it first: kill ${last.starter.pid}`,
      );
    }
    const left = (last?.servers ?? []).filter(isAlive);
    for (const { pid, name } of left) process.kill(pid, name === 'postgres' ? 'SIGINT' : 'SIGTERM');
    const endMs = performance.now() + STOP_WITHIN_MS;
    while (left.some(isAlive) && performance.now() < endMs)
      await new Promise((resolve) => setTimeout(resolve, 50));
    for (const { pid } of left.filter(isAlive)) process.kill(pid, 'SIGKILL');
    this.#write();
    return left.map(({ name }) => name);
  }

  /** Notes a process of this run until it ends. */
  note(server: OwnedProcess): void {
    this.#servers.set(server.pid, { name: server.name, pid: server.pid, command: commandOf(server.pid) });
    this.#write();
    void server.exited.then(() => {
      this.#servers.delete(server.pid);
      if (existsSync(this.#file)) this.#write();
    });
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }

  #read(): RunRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8')) as RunRecord;
    } catch {
      return undefined;
    }
  }

  #write(): void {
    const starter = { name: 'start', pid: process.pid, command: commandOf(process.pid) };
    const record: RunRecord = { starter, servers: [...this.#servers.values()] };
    writeFileSync(this.#file, `${JSON.stringify(record, null, 2)}\n`);
  }
}

function isAlive({ pid, command }: Noted): boolean {
  return command !== '' && commandOf(pid) === command;
}

/** Command line of a process; empty if there is none of this pid. */
function commandOf(pid: number): string {
  if (existsSync('/proc/self/cmdline')) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    } catch {
      return '';
    }
  }
  return (
    spawnSync('ps', ['-ww', '-o', 'command=', '-p', `${pid}`], { encoding: 'utf8' }).stdout?.trim() ?? ''
  );
}
