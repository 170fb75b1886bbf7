import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findBinaries } from './binaries.js';
import { OwnedProcess } from './owned-process.js';

/** The last member of a cluster that stops waits in vain for a quorum; killed, it loses nothing. */
const STOP_WITHIN_MS = 2_000;

export interface EtcdOptions {
  /** Client port and peer port of each member; their number is the number of members, fixed for a data folder. */
  readonly ports: readonly { client: number; peer: number }[];
  readonly dataFolder: string;
  readonly logFolder: string;
  /** Further flags of etcd, such as a small quota. */
  readonly flags?: readonly string[];
}

/** One member of an etcd cluster of ours; it can be frozen, killed and brought back with its data. */
export class EtcdMember {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly #launch: () => Promise<OwnedProcess>;
  #process: OwnedProcess | undefined;

  constructor(
    place: { name: string; clientUrl: string; peerUrl: string },
    launch: () => Promise<OwnedProcess>,
  ) {
    this.name = place.name;
    this.clientUrl = place.clientUrl;
    this.peerUrl = place.peerUrl;
    this.#launch = launch;
  }

  get process(): OwnedProcess {
    if (!this.#process) throw new Error(`${this.name} was not started`);
    return this.#process;
  }

  /** Starts the process without waiting for a quorum. */
  async launch(): Promise<void> {
    this.#process = await this.#launch();
  }

  /** Waits until the member takes part in a cluster that has a leader. */
  async untilHealthy(withinMs = 20_000): Promise<void> {
    await this.process.untilReady(() => this.#isHealthy(), withinMs);
  }

  /** Freezes the member: its connections stay open and nothing answers. */
  pause(): void {
    this.process.pause();
  }

  resume(): void {
    this.process.resume();
  }

  /** Ends the member as a power cut would. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  async stop(): Promise<void> {
    await this.#process?.stop(STOP_WITHIN_MS);
  }

  /** Starts it again on its ports and data, after `kill` or `stop`, and waits until it is healthy. */
  async restart(withinMs = 20_000): Promise<void> {
    await this.stop();
    await this.launch();
    await this.untilHealthy(withinMs);
  }

  /** True if this member says that it leads the cluster. */
  async isLeader(): Promise<boolean> {
    const response = await fetch(`${this.clientUrl}/v3/maintenance/status`, {
      method: 'POST',
      body: '{}',
      signal: AbortSignal.timeout(1_000),
    });
    const status = (await response.json()) as { header?: { member_id?: string }; leader?: string };
    return status.leader !== undefined && status.leader === status.header?.member_id;
  }

  async #isHealthy(): Promise<boolean> {
    const response = await fetch(`${this.clientUrl}/health`, { signal: AbortSignal.timeout(1_000) });
    return ((await response.json()) as { health?: unknown }).health === 'true';
  }
}

export interface EtcdHandle {
  readonly members: readonly EtcdMember[];
  /** Client URLs of all members. */
  readonly urls: string[];
  readonly pids: number[];
  /** The member that leads the cluster at this moment; asks again until one says so. */
  leader(): Promise<EtcdMember>;
  stop(): Promise<void>;
}

/**
 * Starts an etcd cluster on loopback, on a new data folder or on the one that it left behind.
 * Data lies in `<dataFolder>/<member>`, logs in `<logFolder>/<member>.log`.
 */
export async function startEtcd(options: EtcdOptions): Promise<EtcdHandle> {
  const { etcd } = findBinaries();
  const single = options.ports.length === 1;
  const places = options.ports.map(({ client, peer }, index) => ({
    name: single ? 'etcd' : `etcd-${index + 1}`,
    clientUrl: `http://127.0.0.1:${client}`,
    peerUrl: `http://127.0.0.1:${peer}`,
  }));
  const cluster = places.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  const members = places.map((place) => {
    const folder = join(options.dataFolder, place.name);
    const args = [...flagsOf(place, cluster, folder), ...(options.flags ?? [])];
    return new EtcdMember(place, async () => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const logFile = join(options.logFolder, `${place.name}.log`);
      return OwnedProcess.launch({ name: place.name, command: etcd, args, env: ENVIRONMENT, logFile });
    });
  });
  const stop = async () => void (await Promise.all(members.map((member) => member.stop())));
  try {
    await Promise.all(members.map((member) => member.launch()));
    await Promise.all(members.map((member) => member.untilHealthy()));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    members,
    urls: places.map(({ clientUrl }) => clientUrl),
    get pids() {
      return members.map((member) => member.process.pid);
    },
    leader: () => leaderOf(members),
    stop,
  };
}

/** Debian's etcd on arm64 starts only when told that one knows it is untested there. */
const ENVIRONMENT = {
  PATH: '/usr/bin:/bin',
  ...(process.arch === 'x64' ? {} : { ETCD_UNSUPPORTED_ARCH: process.arch }),
};

function flagsOf(
  place: { name: string; clientUrl: string; peerUrl: string },
  cluster: string,
  folder: string,
): string[] {
  return [
    `--name=${place.name}`,
    `--data-dir=${folder}`,
    `--listen-client-urls=${place.clientUrl}`,
    `--advertise-client-urls=${place.clientUrl}`,
    `--listen-peer-urls=${place.peerUrl}`,
    `--initial-advertise-peer-urls=${place.peerUrl}`,
    `--initial-cluster=${cluster}`,
    '--initial-cluster-state=new',
    // Renewals make much history: without frequent snapshots etcd keeps all of it in memory.
    '--snapshot-count=5000',
    '--heartbeat-interval=50',
    '--election-timeout=500',
    '--auto-compaction-retention=0',
    '--logger=zap',
    '--log-level=warn',
  ];
}

async function leaderOf(members: readonly EtcdMember[]): Promise<EtcdMember> {
  for (let tries = 0; tries < 100; tries += 1) {
    for (const member of members) {
      if (await member.isLeader().catch(() => false)) return member;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('No etcd member says that it leads');
}
