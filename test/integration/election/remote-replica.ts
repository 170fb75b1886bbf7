import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Leadership, Resignation, Standing, Target } from '#election';
import { type ElectionCalls, freePorts, OwnedProcess, temporaryFolder, waitUntil } from '#testing';
import { SECRET } from './rig.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A replica in a process of its own; it can be frozen and thawed. */
export class RemoteReplica implements ElectionCalls {
  readonly elections: ElectionCalls['elections'];
  readonly process: OwnedProcess;
  readonly #url: string;

  static async start(etcdUrl: string, prefix: string): Promise<RemoteReplica> {
    const [port = 0] = await freePorts(1);
    const secret = Buffer.from(SECRET).toString('hex');
    const script = here('./replica-process.ts');
    const started = await OwnedProcess.launch({
      name: 'replica',
      command: process.execPath,
      args: [
        // Some libraries use parameter properties, which are more than types.
        '--experimental-transform-types',
        '--import',
        here('../../../scripts/run-from-source.mjs'),
        script,
        String(port),
        etcdUrl,
        prefix,
        'prc_remote',
        secret,
      ],
      env: { PATH: process.env['PATH'] ?? '' },
      cwd: here('../../..'),
      logFile: `${temporaryFolder()}/replica.log`,
    });
    const remote = new RemoteReplica(started, `http://127.0.0.1:${port}`);
    await started.untilReady(async () => (await remote.#ask<{ ready: boolean }>('ready', {})).ready);
    return remote;
  }

  private constructor(owned: OwnedProcess, url: string) {
    this.process = owned;
    this.#url = url;
    this.elections = {
      campaign: (request) => this.#ask<Standing>('campaign', request),
      renew: (request) => this.#ask<Standing>('renew', request),
      resign: (request) => this.#ask<Resignation>('resign', request),
    };
  }

  async leader(of: Target): Promise<Leadership> {
    return await this.#ask<Leadership>('leader', of);
  }

  /** Freezes the process; resolves once the kernel says that it stands still. */
  async freeze(): Promise<void> {
    this.process.pause();
    const stopped = async (): Promise<boolean> =>
      /\) T /.test(await readFile(`/proc/${this.process.pid}/stat`, 'utf8').catch(() => ') T '));
    await waitUntil(stopped, { what: 'the replica to stand still', everyMs: 2 });
  }

  thaw(): void {
    this.process.resume();
  }

  async #ask<T extends object>(verb: string, request: object): Promise<T> {
    const response = await fetch(`${this.#url}/${verb}`, {
      method: 'POST',
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(15_000),
    });
    const told = (await response.json()) as T | { code: string };
    if ('code' in told) throw Object.assign(new Error(told.code), { code: told.code });
    return told;
  }
}
