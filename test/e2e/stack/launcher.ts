import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPortFree, waitUntil } from '#testing';

/** Offsets of all ports that a stack of three replicas and three etcd members uses, from its port base. */
const OFFSETS = [-21, 0, 1, 2, 32, 50, 79, 80, 81, 82, 83, 84];

/** A port base from which every port of a stack is free at this moment. */
export async function freePortBase(): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const base = randomInt(150, 299) * 100;
    const free = await Promise.all(OFFSETS.map((offset) => isPortFree(base + offset)));
    if (!free.includes(false)) return base;
  }
  throw new Error('No free port base');
}

/** A run of `npm start`, without npm, on ports and data of its own. */
export class Launch {
  output = '';
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #dataFolder: string;

  constructor(dataFolder: string, portBase: number, args: readonly string[] = []) {
    this.#dataFolder = dataFolder;
    this.#child = spawn('node', ['scripts/bootstrap.mjs', 'start', ...args], {
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        INCUMBENT_DATA_FOLDER: dataFolder,
        INCUMBENT_PORT_BASE: `${portBase}`,
        LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data: Buffer) => (this.output += data.toString()));
    }
    this.exited = new Promise((resolve) => this.#child.once('exit', resolve));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async untilRunning(): Promise<void> {
    const over = this.exited.then((code) => `ended with ${code}`);
    const running = waitUntil(
      () => this.output.includes('Incumbent is running') && this.output.includes('/resign'),
      {
        what: 'the stack to run',
        withinMs: 60_000,
      },
    );
    const outcome = await Promise.race([over, running]);
    if (outcome !== true) throw new Error(`The stack ${String(outcome)}:\n${this.output}`);
  }

  /** Name -> pid of everything that runs, the starting process included. */
  get processes(): Map<string, number> {
    const file = join(this.#dataFolder, 'run.json');
    const record = JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
    return new Map([record.starter, ...record.servers].map(({ name, pid }) => [name, pid]));
  }

  /** What the printed call says, as it would be typed. */
  printedCall(path: string): {
    url: string;
    init: { method: string; headers: Record<string, string>; body: string };
  } {
    const line = this.output
      .split('\n')
      .find((text) => text.startsWith('  curl') && text.includes(`/${path} `));
    const url = /http:\S+/.exec(line ?? '')?.[0] ?? '';
    const headers = [...(line ?? '').matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]);
    const body = /-d '([^']+)'/.exec(line ?? '')?.[1] ?? '';
    return {
      url,
      init: { method: 'POST', headers: Object.fromEntries(headers) as Record<string, string>, body },
    };
  }
}

interface RunRecord {
  readonly starter: { name: string; pid: number };
  readonly servers: readonly { name: string; pid: number }[];
}

/** Those of the processes that are still there; a zombie is not. */
export function survivors(processes: ReadonlyMap<string, number>): string[] {
  return [...processes].filter(([, pid]) => isRunning(pid)).map(([name]) => name);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = `/proc/${pid}/stat`;
  return !existsSync(status) || !readFileSync(status, 'utf8').includes(') Z ');
}
