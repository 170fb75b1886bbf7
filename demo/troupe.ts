import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GatewayReport } from './gateway.js';
import type { DialerCommand, DialerNews, GatewayNews, GatewayOrders } from './messages.js';

const START_TIMEOUT_MS = 10_000;
/** A dialer that resigns on its way out takes a moment; what is left then is killed. */
const STOP_TIMEOUT_MS = 3_000;

/** Runs a file beside this one as a process of its own: source from source, built from built. */
function start(name: string): ChildProcess {
  const file = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url);
  return fork(fileURLToPath(file), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await once(child, 'exit');
  clearTimeout(timer);
}

export class Gateway {
  readonly url: string;
  readonly #child: ChildProcess;

  static async start(orders: GatewayOrders): Promise<Gateway> {
    const child = start('gateway');
    child.send(orders);
    const [news] = (await once(child, 'message', { signal: AbortSignal.timeout(START_TIMEOUT_MS) })) as [
      GatewayNews,
    ];
    return new Gateway(child, news.url);
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  async report(): Promise<GatewayReport> {
    const response = await fetch(`${this.url}/report`, { signal: AbortSignal.timeout(5_000) });
    return (await response.json()) as GatewayReport;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await ended(this.#child);
  }
}

/** One dialer process. Emits `news` as it comes, in order. */
export class Dialer extends EventEmitter<{ news: [DialerNews] }> {
  readonly name: string;
  readonly #child: ChildProcess;

  static async start(name: string): Promise<Dialer> {
    const child = start('dialer');
    await once(child, 'message', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    return new Dialer(name, child);
  }

  private constructor(name: string, child: ChildProcess) {
    super();
    this.name = name;
    this.#child = child;
    child.on('message', (news: DialerNews) => this.emit('news', news));
    // Told to a dialer that was killed: it is gone, which is what the demo wanted.
    child.on('error', () => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  tell(command: DialerCommand): void {
    if (this.#child.connected) this.#child.send(command);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<void> {
    this.signal('SIGCONT');
    this.tell({ kind: 'stop' });
    await ended(this.#child);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await ended(this.#child);
  }
}

export async function startDialers(count: number): Promise<Dialer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => Dialer.start(`dialer-${index + 1}`)));
}
