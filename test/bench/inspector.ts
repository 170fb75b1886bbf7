/** The memory of a replica that was started with --inspect: what is left when all garbage is collected. */
export interface Memory {
  residentBytes: number;
  heapBytes: number;
}

/** How long the event loop was held up. */
export interface LoopDelay {
  maxMs: number;
  p99Ms: number;
}

/** In the process that is inspected: a histogram of how late a timer of 1 ms is. */
const LOOP_DELAY = `globalThis.loopDelay ??= process.getBuiltinModule('node:perf_hooks').monitorEventLoopDelay({ resolution: 1 })`;

interface Reply {
  id: number;
  result?: { result?: { value?: string } };
}

/** Speaks the inspector protocol of one Node process, over a WebSocket. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #calls = 0;

  /** @param log what the process has written: its first lines name the address */
  static async connect(log: string): Promise<Inspector> {
    const url = /ws:\/\/\S+/.exec(log)?.[0];
    if (url === undefined) throw new Error('The replica does not say where its inspector listens.');
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error(`${url} does not answer`)), { once: true });
    });
    return new Inspector(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  /** Collects garbage, twice because finalizers run in between, and looks. */
  async memory(): Promise<Memory> {
    await this.#call('HeapProfiler.collectGarbage', {});
    await this.#call('HeapProfiler.collectGarbage', {});
    const usage = (await this.#evaluate('process.memoryUsage()')) as NodeJS.MemoryUsage;
    return { residentBytes: usage.rss, heapBytes: usage.heapUsed + usage.external };
  }

  /** Begins to watch the event loop anew. */
  async watchLoop(): Promise<void> {
    await this.#evaluate(`(${LOOP_DELAY}, loopDelay.enable(), loopDelay.reset(), true)`);
  }

  /** How long it was held up since then, over the millisecond at which it is looked at. */
  async loopDelay(): Promise<LoopDelay> {
    const nanoseconds = (await this.#evaluate('[loopDelay.max, loopDelay.percentile(99)]')) as number[];
    const [maxMs = NaN, p99Ms = NaN] = nanoseconds.map((value) => Math.max(0, value / 1e6 - 1));
    return { maxMs, p99Ms };
  }

  close(): void {
    this.#socket.close();
  }

  async #evaluate(code: string): Promise<unknown> {
    const expression = `JSON.stringify(${code})`;
    const reply = await this.#call('Runtime.evaluate', { expression, returnByValue: true });
    return JSON.parse(reply.result?.result?.value ?? 'null');
  }

  #call(method: string, params: object): Promise<Reply> {
    this.#calls += 1;
    const id = this.#calls;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return promise;
  }
}
