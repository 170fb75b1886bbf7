/** The memory of a replica that was started with --inspect: what is left when all garbage is collected. */
export interface Memory {
  residentBytes: number;
  heapBytes: number;
}

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
    const expression = 'JSON.stringify(process.memoryUsage())';
    const reply = await this.#call('Runtime.evaluate', { expression, returnByValue: true });
    const usage = JSON.parse(reply.result?.result?.value ?? '') as NodeJS.MemoryUsage;
    return { residentBytes: usage.rss, heapBytes: usage.heapUsed + usage.external };
  }

  close(): void {
    this.#socket.close();
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
