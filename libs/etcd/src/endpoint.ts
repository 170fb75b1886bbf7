import { noop } from 'cockatiel';
import { Etcd3, type ICallable } from 'etcd3';
import { systemClock } from '#core';

/** Values of grpc-js connectivity states that matter here. */
const READY = 2;
const TRANSIENT_FAILURE = 3;

const CHANNEL = {
  // 5 s is the shortest interval that etcd tolerates; with 2 s more a dead peer is noticed in 7 s at the latest.
  'grpc.keepalive_time_ms': 5_000,
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

/** The gRPC services that this library calls. */
export type Service = 'KV' | 'Watch' | 'Maintenance';

/**
 * One etcd member for one purpose: a typed gRPC stub and the state of its connection. etcd3's retries and circuit
 * breaker are switched off, for they repeat transactions whose outcome is unknown.
 */
export class Endpoint {
  readonly url: string;
  readonly etcd: Etcd3;
  readonly #service: Service;

  constructor(url: string, service: Service) {
    this.url = url;
    this.#service = service;
    this.etcd = new Etcd3({
      hosts: url,
      grpcOptions: CHANNEL,
      faultHandling: { host: () => noop, global: noop },
    });
  }

  /**
   * Waits until the connection stands, at most `withinMs`. A call made after `false` would sit in a queue of
   * grpc-js with nobody knowing whether it left; so it is not made.
   */
  async ready(withinMs: number): Promise<boolean> {
    // The stub's own way to its channel; etcd3 offers no public one.
    const callable = this.etcd.kv['client'] as ICallable<unknown>;
    return callable.withConnection(this.#service, ({ client }) => {
      const channel = client.getChannel();
      const state: number = channel.getConnectivityState(true);
      if (state === READY) return true;
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
      if (state === TRANSIENT_FAILURE) resolve(false);
      else look(state);
      return promise;
    });
  }

  close(): void {
    this.etcd.close();
  }
}
