import { readFileSync } from 'node:fs';
import { OwnedProcess, temporaryFolder } from '#testing';
import type { Service } from './service.js';

const READY_WITHIN_MS = 30_000;

/** The worker as a process of its own, from the build, beside the API of `service`. */
export class Worker {
  static async start(service: Service, settings: Record<string, string> = {}): Promise<Worker> {
    const logFile = `${temporaryFolder()}/worker.log`;
    const started = await OwnedProcess.launch({
      name: 'worker',
      command: process.execPath,
      args: ['--enable-source-maps', 'dist/apps/worker/src/main.js'],
      env: { ...service.settings, WORKER_PORT: '0', ...settings },
      cwd: process.cwd(),
      logFile,
    });
    const worker = new Worker(started);
    await started.untilReady(async () => worker.port !== undefined, READY_WITHIN_MS);
    const isReady = async () => (await fetch(`${worker.url}/health/ready`)).status === 200;
    await started.untilReady(isReady, READY_WITHIN_MS);
    return worker;
  }

  private constructor(readonly process: OwnedProcess) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  log(): string {
    return readFileSync(this.process.logFile, 'utf8');
  }

  /** Stops it in order; fails when it did not end by itself. */
  async stop(): Promise<void> {
    if (!(await this.process.stop(30_000))) throw new Error('The worker had to be killed');
  }

  private get port(): number | undefined {
    const line = this.log()
      .split('\n')
      .find((text) => text.includes('"msg":"listening"'));
    return line === undefined ? undefined : (JSON.parse(line) as { port: number }).port;
  }
}
