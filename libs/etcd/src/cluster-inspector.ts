import type { CallOptions } from '@grpc/grpc-js';
import { type Clock, systemClock } from '#core';
import { decode, keys, type Lane } from '#election';
import type { IStatusResponse } from 'etcd3';
import { deadlineIn, Endpoint } from './endpoint.js';
import { KeyRange } from './key-range.js';
import { isOutdated, shedLanes } from './watermark.js';

/** For one question to one member, the connection included. An operator waits for the slowest. */
const ANSWER_MS = 1_500;
/** Waiting events that are looked at to find the oldest. */
const EVENTS_READ = 200;

export interface ClusterInspectorOptions {
  endpoints: readonly string[];
  prefix: string;
  /** Size of etcd's database at which load is shed. */
  databaseLimitBytes: number;
  clock?: Clock;
}

/** One of the configured addresses, and what the member behind it says of itself. */
export type EndpointStatus = { url: string } & (
  | { state: 'down' }
  | {
      state: 'up';
      latencyMs: number;
      memberId: string;
      version: string;
      /** Fixes that matter here are missing from this release. */
      outdated: boolean;
      isLeader: boolean;
      isLearner: boolean;
      databaseBytes: number;
      databaseInUseBytes: number;
      revision: number;
      raftTerm: number;
      raftIndex: number;
      /** What the member complains of, such as an alarm. */
      errors: string[];
    }
);

export interface MemberStatus {
  id: string;
  name: string;
  clientUrls: string[];
  peerUrls: string[];
  isLearner: boolean;
}

/** Null where nobody answered. */
export interface ClusterStatus {
  endpoints: EndpointStatus[];
  members: MemberStatus[] | null;
  /** Id of the leading member, as the others believe. */
  leader: string | null;
  revision: number | null;
  alarms: { memberId: string; alarm: string }[] | null;
  /** Leases of everybody on this etcd; the service itself uses none. */
  leases: number | null;
  database: {
    inUseBytes: number | null;
    limitBytes: number;
    /** Lanes of work that are refused at this size. */
    shedding: Lane[];
  };
  /** Events that wait for the relay. */
  outbox: {
    waiting: number | null;
    /** When the oldest of the first 200 happened. */
    oldestAt: string | null;
  };
}

type Up = Extract<EndpointStatus, { state: 'up' }>;

/**
 * Asks every configured member how it is, all at once and each with a deadline: one that is down shows as such and
 * keeps nobody waiting for longer. Every look opens connections of its own, so that it says what a process would meet
 * that starts now.
 */
export class ClusterInspector {
  private readonly clock: Clock;
  private readonly events: { key: Buffer; range_end: Buffer };

  private readonly options: ClusterInspectorOptions;

  constructor(options: ClusterInspectorOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.events = new KeyRange(options.prefix).below(keys.outbox);
  }

  /** Never rejects. */
  async look(): Promise<ClusterStatus> {
    const members = this.options.endpoints.map((url) => new Endpoint(url, 'Maintenance'));
    try {
      const endpoints = await Promise.all(members.map((member) => this.statusOf(member)));
      const answering = members.find((_, index) => endpoints[index]?.state === 'up');
      return { ...this.summary(endpoints), ...(await this.ask(answering)), endpoints };
    } finally {
      for (const member of members) member.close();
    }
  }

  private summary(endpoints: EndpointStatus[]): Pick<ClusterStatus, 'leader' | 'revision' | 'database'> {
    const up = endpoints.filter((endpoint): endpoint is Up => endpoint.state === 'up');
    const { databaseLimitBytes: limitBytes } = this.options;
    const inUseBytes = up.length > 0 ? Math.max(...up.map((member) => member.databaseInUseBytes)) : null;
    return {
      leader: up.find((member) => member.isLeader)?.memberId ?? null,
      revision: up.length > 0 ? Math.max(...up.map((member) => member.revision)) : null,
      database: { inUseBytes, limitBytes, shedding: shedLanes(inUseBytes ?? 0, limitBytes) },
    };
  }

  private async statusOf(member: Endpoint): Promise<EndpointStatus> {
    const { url } = member;
    const startMs = this.clock.monotonicMs();
    const status = await this.answer(member, (options) => member.etcd.maintenance.status(options));
    if (status === null) return { url, state: 'down' };
    return { url, state: 'up', latencyMs: Math.round(this.clock.monotonicMs() - startMs), ...read(status) };
  }

  /** What any member can tell of all. */
  private async ask(
    member: Endpoint | undefined,
  ): Promise<Pick<ClusterStatus, 'members' | 'alarms' | 'leases' | 'outbox'>> {
    if (!member) {
      return { members: null, alarms: null, leases: null, outbox: { waiting: null, oldestAt: null } };
    }
    const { etcd } = member;
    const [listed, alarms, leases, outbox] = await Promise.all([
      this.answer(member, (options) => etcd.cluster.memberList({}, options)),
      this.answer(member, (options) => etcd.maintenance.alarm({ action: 'Get' }, options)),
      this.answer(member, (options) => etcd.leaseClient.leaseLeases(options)),
      this.answer(member, (options) =>
        etcd.kv.range({ ...this.events, limit: EVENTS_READ, serializable: true }, options),
      ),
    ]);
    const times = (outbox?.kvs ?? []).map(
      ({ value }) => decode<{ occurredAt: string }>(value.toString()).occurredAt,
    );
    return {
      members: listed?.members.map(memberOf) ?? null,
      alarms: alarms?.alarms.map(({ memberID, alarm }) => ({ memberId: hex(memberID), alarm })) ?? null,
      leases: leases?.leases.length ?? null,
      outbox: { waiting: outbox ? Number(outbox.count) : null, oldestAt: times.sort()[0] ?? null },
    };
  }

  private async answer<T>(member: Endpoint, ask: (options: CallOptions) => Promise<T>): Promise<T | null> {
    const endMs = this.clock.monotonicMs() + ANSWER_MS;
    try {
      if (!(await member.ready(ANSWER_MS))) return null;
      return await ask(deadlineIn(endMs - this.clock.monotonicMs()));
    } catch {
      return null;
    }
  }
}

function read(status: IStatusResponse): Omit<Up, 'url' | 'state' | 'latencyMs'> {
  const { header, leader, version, dbSize, dbSizeInUse, raftTerm, raftIndex, isLearner, errors } = status;
  return {
    memberId: hex(header.member_id),
    version,
    outdated: isOutdated(version),
    isLeader: leader !== '0' && leader === header.member_id,
    isLearner,
    databaseBytes: Number(dbSize),
    databaseInUseBytes: Number(dbSizeInUse) || Number(dbSize),
    revision: Number(header.revision),
    raftTerm: Number(raftTerm),
    raftIndex: Number(raftIndex),
    errors,
  };
}

function memberOf(member: {
  ID: string;
  name: string;
  clientURLs: string[];
  peerURLs: string[];
  isLearner: boolean;
}) {
  const { ID, name, clientURLs: clientUrls, peerURLs: peerUrls, isLearner } = member;
  return { id: hex(ID), name, clientUrls, peerUrls, isLearner };
}

/** As etcdctl spells member ids. */
function hex(id: string | number): string {
  return BigInt(id).toString(16);
}
