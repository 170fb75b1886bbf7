import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** One piece of a stream on its way; `null` is its end (FIN). */
interface Parcel {
  readonly dueMs: number;
  readonly data: Buffer | null;
}

/** One direction of one connection: forwards in order, each piece not before its time, nothing while held. */
class Stream {
  readonly #queue: Parcel[] = [];
  #timer: NodeJS.Timeout | undefined;
  #held = false;

  constructor(
    private readonly to: Socket,
    private readonly delayMs: () => number,
  ) {}

  /** Bytes that arrived and were not passed on yet. */
  get heldBytes(): number {
    return this.#queue.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  }

  push(data: Buffer | null): void {
    this.#queue.push({ dueMs: performance.now() + this.delayMs(), data });
    this.#pump();
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#pump();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    for (let next = this.#queue[0]; next !== undefined && !this.#held; next = this.#queue[0]) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs));
        return;
      }
      this.#queue.shift();
      if (next.data === null) this.to.end();
      else this.to.write(next.data);
    }
  }
}

interface Link {
  readonly downstream: Socket;
  readonly upstream: Socket;
  readonly requests: Stream;
  readonly replies: Stream;
}

/**
 * A TCP proxy on loopback that misbehaves on command, to force the races that a network makes by chance.
 *
 * What it holds it keeps in memory and delivers when released, as TCP would retransmit; what is lost is lost by
 * ending the connection. It ends its own sockets alone: the kernel acknowledges bytes that are held, so a peer
 * that wants to notice a half-open connection must ask for an answer.
 */
export class FaultProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #target: { host: string; port: number };
  #delayMs = 0;
  #refusing = false;
  #holdingRequests = false;
  #holdingReplies = false;
  #accepted = 0;

  /** Listens on a free port and forwards to `target`, a URL or "host:port". */
  static async start(target: string): Promise<FaultProxy> {
    const { hostname, port } = new URL(target.includes('://') ? target : `tcp://${target}`);
    const proxy = new FaultProxy({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `http://127.0.0.1:<port>`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections open at this moment. */
  get connections(): number {
    return this.#links.size;
  }

  /** Connections ever accepted; tells whether a peer connected again. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Bytes of replies that are kept back: more than 0 proves that the server has answered. */
  get heldReplyBytes(): number {
    return [...this.#links].reduce((sum, link) => sum + link.replies.heldBytes, 0);
  }

  /** Bytes of requests that are kept back. */
  get heldRequestBytes(): number {
    return [...this.#links].reduce((sum, link) => sum + link.requests.heldBytes, 0);
  }

  /** Ends every fault: delivers what was held, accepts again, adds no delay. */
  pass(): void {
    this.#refusing = false;
    this.#delayMs = 0;
    this.release();
  }

  /** Resets the connections that are open; new ones are served. What was held is lost. */
  disconnect(): void {
    for (const link of this.#links) this.#end(link);
  }

  /** Resets every connection, and every new one at once, until `pass`. What was held is lost. */
  cut(): void {
    this.#refusing = true;
    this.disconnect();
  }

  /** Half-open: connections stay, new ones are accepted, and nothing passes either way until `release`. */
  blackhole(): void {
    this.holdRequests();
    this.holdReplies();
  }

  /** Keeps back what the caller sends from now on. */
  holdRequests(): void {
    this.#holdingRequests = true;
    for (const link of this.#links) link.requests.hold();
  }

  /** Requests pass, replies do not. Follow it with `disconnect` to lose the reply of a request that was served. */
  holdReplies(): void {
    this.#holdingReplies = true;
    for (const link of this.#links) link.replies.hold();
  }

  /** Delivers what was held, in order, and holds no more. */
  release(): void {
    this.#holdingRequests = false;
    this.#holdingReplies = false;
    for (const link of this.#links) {
      link.requests.release();
      link.replies.release();
    }
  }

  /** Delays every byte from now on by `ms`, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(downstream: Socket): void {
    this.#accepted += 1;
    if (this.#refusing) {
      downstream.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const upstream = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    downstream.setNoDelay(true);
    const delayMs = () => this.#delayMs;
    const link = {
      downstream,
      upstream,
      requests: new Stream(upstream, delayMs),
      replies: new Stream(downstream, delayMs),
    };
    if (this.#holdingRequests) link.requests.hold();
    if (this.#holdingReplies) link.replies.hold();
    this.#links.add(link);
    this.#forward(link, downstream, link.requests);
    this.#forward(link, upstream, link.replies);
  }

  #forward(link: Link, from: Socket, stream: Stream): void {
    from.on('data', (data) => stream.push(data));
    from.on('end', () => stream.push(null));
    from.on('error', () => this.#end(link));
    from.on('close', () => {
      if (link.downstream.destroyed && link.upstream.destroyed) this.#end(link);
    });
  }

  #end(link: Link): void {
    if (!this.#links.delete(link)) return;
    link.requests.close();
    link.replies.close();
    for (const socket of [link.downstream, link.upstream]) {
      // After a FIN of ours the kernel refuses the reset, and the socket would stay for ever.
      if (socket.connecting || socket.writableEnded) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
    }
  }
}
