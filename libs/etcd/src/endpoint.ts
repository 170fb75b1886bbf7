import { getCACertificates } from 'node:tls';
import type { CallOptions, ChannelInterface } from '@grpc/grpc-js';
import { noop } from 'cockatiel';
import { Etcd3, type ICallable, type IDuplexStream } from 'etcd3';
import { systemClock } from '#core';

/** Values of grpc-js connectivity states that matter here. */
const READY = 2;
const TRANSIENT_FAILURE = 3;

const CHANNEL = {
  // etcd ends connections that ping more often than every 5 s, by its own clock and without mercy for jitter. Calls
  // and watches notice a dead peer sooner by themselves; this is for connections that only wait.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 100,
  // Half a second, so that service is back within a second of etcd's return.
  'grpc.max_reconnect_backoff_ms': 500,
  // Without it channels of the same address share one connection, and one purpose's trouble is everyone's.
  'grpc.use_local_subchannel_pool': 1,
  // A call must be sent once: what happened to it decides what may follow.
  'grpc.enable_retries': 0,
};

/** The gRPC services that are called through etcd3. */
export type Service = 'Watch' | 'Maintenance';

/** A stream of encoded messages. */
export type RawStream = IDuplexStream<Buffer, Buffer>;

const asIs = (message: Buffer): Buffer => message;

/** etcd3's form of a deadline: gRPC wants a point of wall time and turns it into a timer at once. */
export function deadlineIn(withinMs: number): CallOptions {
  return { deadline: systemClock.wallTimeMs() + Math.max(1, withinMs) };
}

/**
 * One etcd member for one purpose: etcd3's gRPC stubs and the state of their connection, for the watch and for what
 * is asked now and then (commits and reads go through UnaryChannel). etcd3's retries and circuit breaker are
 * switched off. The messages of the watch come and go encoded.
 */
export class Endpoint {
  readonly url: string;
  readonly etcd: Etcd3;
  readonly #service: Service;
  /** The stubs' own way to the channel; etcd3 offers no public one. */
  readonly #pool: ICallable<unknown>;

  constructor(url: string, service: Service) {
    this.url = url;
    this.#service = service;
    this.etcd = new Etcd3({
      hosts: url,
      ...(url.startsWith('https:') && { credentials: { rootCertificate: authorities() } }),
      grpcOptions: CHANNEL,
      faultHandling: { host: () => noop, global: noop },
    });
    this.#pool = this.etcd.kv['client'] as ICallable<unknown>;
  }

  /** Opens a stream such as "Watch/Watch"; etcd ends it when the member has lost its leader. */
  async stream(method: string): Promise<RawStream> {
    return this.#pool.withConnection(this.#service, ({ client, metadata }) => {
      metadata.set('hasleader', 'true');
      return client.makeBidiStreamRequest(`/etcdserverpb.${method}`, asIs, asIs, metadata);
    });
  }

  /**
   * Waits until the connection stands, at most `withinMs`. A call made after `false` would sit in a queue of
   * grpc-js with nobody knowing whether it left; so it is not made.
   */
  async ready(withinMs: number): Promise<boolean> {
    return this.#pool.withConnection(this.#service, ({ client }) => connected(client.getChannel(), withinMs));
  }

  close(): void {
    this.etcd.close();
  }
}

/** Those of Node, as for commits: a variable of grpc-js would name others for the watch alone. */
function authorities(): Buffer {
  return Buffer.from(getCACertificates('default').join('\n'));
}

function connected(channel: ChannelInterface, withinMs: number): boolean | Promise<boolean> {
  const state: number = channel.getConnectivityState(true);
  if (state === READY) return true;
  if (state === TRANSIENT_FAILURE) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const deadline = systemClock.wallTimeMs() + withinMs;
  const look = (before: number): void => {
    channel.watchConnectivityState(before, deadline, (error) => {
      if (error) return resolve(false);
      const now: number = channel.getConnectivityState(true);
      if (now === READY) return resolve(true);
      if (now === TRANSIENT_FAILURE) return resolve(false);
      look(now);
    });
  };
  look(state);
  return promise;
}
