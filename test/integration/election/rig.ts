/**
 * What the tests of this folder run on: replicas of the engine on a real etcd, each with faults of its own (the wire
 * through a proxy, the store's port through a gate), and participants that behave as the SDK does.
 */
import { randomBytes } from 'node:crypto';
import { delay, systemClock } from '#core';
import {
  decode,
  type ElectionSettings,
  type Entry,
  electionRef,
  keys,
  type LeaderRecord,
  type Read,
  Replica,
  type ReplicaOptions,
  SessionTokens,
  type Transition,
} from '#election';
import { EtcdElectionStore } from '#etcd';
import {
  createElection,
  type EtcdHandle,
  FaultProxy,
  Participant,
  startPrivateEtcd,
  waitUntil,
} from '#testing';
import { StoreGate } from './store-gate.js';

export const SECRET = new Uint8Array(32).fill(11);

/**
 * What replicas may add to a ttlMs. A few ten milliseconds on a machine at rest; continuous integration has two cores
 * for all of this and etcd.
 */
export const BOUND_MS = 2_000;

/** Who is to live through a test has a ttlMs that no pause of the machine uses up, and renews often. */
export const LONG_TTL_MS = 30_000;
const RENEW_EVERY_MS = 200;

export interface RigReplica {
  readonly replica: Replica;
  readonly gate: StoreGate;
  readonly proxy: FaultProxy;
  close(): Promise<void>;
}

export interface ParticipantWishes {
  ttlMs?: number;
  tenantId?: string;
  election?: string;
  callMs?: number;
}

/** Calls that a fault holds up are to be answered all the same, on a busy machine too. */
const CALL_MS = 10_000;

/** Key and bounds of an operator's call. */
export const target = { tenantId: 'ten_a', election: 'billing' };
export const soon = (): { receivedAtMs: number; deadlineMs: number } => {
  const receivedAtMs = systemClock.monotonicMs();
  return { receivedAtMs, deadlineMs: receivedAtMs + CALL_MS };
};

/** One etcd for a test file, and a folder of its own in it for each test. */
export class Rig {
  readonly etcd: EtcdHandle;
  #prefix = '';
  #replicas: RigReplica[] = [];
  #stops: (() => unknown)[] = [];
  #started = 0;

  static async start({ members = 1 } = {}): Promise<Rig> {
    return new Rig(await startPrivateEtcd({ members }));
  }

  private constructor(etcd: EtcdHandle) {
    this.etcd = etcd;
    this.fresh();
  }

  get prefix(): string {
    return this.#prefix;
  }

  /** A new, empty folder for the next test. */
  fresh(): void {
    this.#prefix = `election-${randomBytes(6).toString('hex')}/`;
  }

  /** Starts a replica and waits until it serves. Its traffic takes the proxy to `member` (0, the first). */
  async replica(member = 0, options: Pick<ReplicaOptions, 'past'> = {}): Promise<RigReplica> {
    this.#started += 1;
    const urls = [...this.etcd.urls.slice(member), ...this.etcd.urls.slice(0, member)];
    const proxy = await FaultProxy.start(urls[0] ?? '');
    const processId = `prc_${this.#started}`;
    const gate = new StoreGate(
      await EtcdElectionStore.open({
        endpoints: [proxy.url, ...urls.slice(1)],
        prefix: this.#prefix,
        processId,
        databaseLimitBytes: 1_000_000_000,
      }),
    );
    const given = { store: gate, clock: systemClock, processId, secret: SECRET, ...options };
    const replica = await Replica.start(given);
    let closed = false;
    const made: RigReplica = {
      replica,
      gate,
      proxy,
      close: async () => {
        if (closed) return;
        closed = true;
        proxy.pass();
        await replica.close();
        await proxy.close();
      },
    };
    this.#replicas.push(made);
    await waitUntil(() => replica.ready(), { what: 'the replica to follow the store', withinMs: 15_000 });
    return made;
  }

  /** Two replicas and the election that they serve. */
  async pair(settings: Partial<ElectionSettings> = {}): Promise<[RigReplica, RigReplica]> {
    const first = await this.replica();
    const second = await this.replica();
    await this.election(first, settings);
    return [first, second];
  }

  /** Creates the election and waits until every replica knows it. */
  async election(on: RigReplica, wishes: ParticipantWishes & Partial<ElectionSettings> = {}): Promise<void> {
    await createElection(on.replica, systemClock, { ttlMs: LONG_TTL_MS, ...wishes });
    const { tenantId, election } = { ...target, ...wishes };
    const ref = electionRef(tenantId, election);
    const known = ({ replica }: RigReplica): boolean =>
      replica.view.election(ref)?.config?.record.state === 'open';
    await waitUntil(() => this.#replicas.every(known), {
      what: 'every replica to know the election',
      everyMs: 2,
    });
  }

  participant(name: string, wishes: ParticipantWishes = {}): Participant {
    return new Participant(name, { clock: systemClock, callMs: CALL_MS, ...wishes });
  }

  /** Waits until the view of every replica holds all that is committed by now. */
  async caughtUp(): Promise<void> {
    for (const { gate, replica } of this.#replicas) {
      const revision = await storeRevision({ gate });
      const current = (): boolean => replica.view.revision >= revision;
      await waitUntil(current, { what: 'the replica to catch up', everyMs: 2 });
    }
  }

  /** Looks every 2 ms whether two of them believe to lead at once, and says who did when it is stopped. */
  watchBelief(...participants: readonly Participant[]): { stop: () => string[] } {
    const twice: string[] = [];
    const look = (): void => {
      const believers = participants.filter((participant) => participant.believes).map(({ name }) => name);
      if (believers.length > 1) twice.push(believers.join(' and '));
    };
    const timer = setInterval(look, 2);
    const stop = (): string[] => {
      look();
      clearInterval(timer);
      return twice;
    };
    this.#stops.push(stop);
    return { stop };
  }

  /** Renews as the SDK does, every third of the ttl or sooner, until `stop`; failures are left to the next try. */
  keepRenewing(participant: Participant, on: () => RigReplica): { stop: () => void; failures: unknown[] } {
    const failures: unknown[] = [];
    let stopped = false;
    const stop = (): void => void (stopped = true);
    this.#stops.push(stop);
    void (async () => {
      while (!stopped) {
        await participant.renew(on().replica).catch((error: unknown) => failures.push(error));
        const { ttlMs = 1_000 } = participant.standing ?? {};
        await delay(stopped ? 0 : Math.min(ttlMs / 3, RENEW_EVERY_MS));
      }
    })();
    return { stop, failures };
  }

  /** Ends what the test has started; the etcd stays for the next. */
  async clear(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    await Promise.all(this.#replicas.splice(0).map((made) => made.close()));
    this.fresh();
  }

  async close(): Promise<void> {
    await this.clear();
    await this.etcd.stop();
  }
}

/** Picks transitions that write (put or delete) a key that matches. */
export function writing(kind: 'put' | 'delete', pattern: RegExp): (transition: Transition) => boolean {
  return ({ writes }) => writes.some((write) => write.kind === kind && pattern.test(write.key));
}

/** Reads past views and caches: what etcd holds. */
export async function stored(on: RigReplica, read: Read): Promise<Entry[]> {
  const { reads } = await on.gate.read([read], {
    lane: 'observe',
    tenantId: 'test',
    deadlineMs: soon().deadlineMs,
  });
  return reads[0] ?? [];
}

/** etcd's revision at some moment of this call. */
export async function storeRevision({ gate }: Pick<RigReplica, 'gate'>): Promise<number> {
  const options = { lane: 'observe' as const, tenantId: 'test', deadlineMs: soon().deadlineMs };
  return (await gate.read([], options)).revision;
}

/** The leader record as etcd holds it. */
export async function storedLeader(
  on: RigReplica,
  { tenantId, election } = target,
): Promise<LeaderRecord | undefined> {
  const [entry] = await stored(on, { kind: 'key', key: keys.leader(electionRef(tenantId, election), 0) });
  return entry && decode<LeaderRecord>(entry.value);
}

/** The candidacies as etcd holds them: their ids. */
export async function storedCandidacies(on: RigReplica, { tenantId, election } = target): Promise<string[]> {
  const ref = electionRef(tenantId, election);
  const entries = await stored(on, { kind: 'prefix', prefix: keys.candidates(ref) });
  return entries.map(({ key }) => key.slice(keys.candidates(ref).length));
}

/** The revision of a participant's session as etcd holds it; undefined once it is ended. */
export async function sessionRevision(on: RigReplica, participant: Participant): Promise<number | undefined> {
  const [entry] = await stored(on, { kind: 'key', key: sessionKey(participant) });
  return entry?.modRevision;
}

export function sessionKey({ session, tenantId }: Participant): string {
  return keys.session(new SessionTokens(SECRET).parse(session, tenantId).sessionId);
}
