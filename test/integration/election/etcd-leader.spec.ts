import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { delay, systemClock } from '#core';
import { type EtcdMember, type Participant, waitUntil } from '#testing';
import { BOUND_MS, Rig, type RigReplica, storedLeader } from './rig.js';

const TTL_MS = 2_000;
/** After which a participant turns to the other replica. */
const CALL_MS = 2_000;
const SESSIONS = 200;
const DYING = 10;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start({ members: 3 });
}, 30_000);
afterEach(async () => {
  for (const leader of running.splice(0)) leader.stopped = true;
  for (const member of rig.etcd.members) member.resume();
  await rig.clear();
});
afterAll(async () => rig.close());

/** One leader of one election, renewing at a third of its ttl through whichever replica answers. */
class Leader {
  readonly participant: Participant;
  /** Answers that were no grant, and refusals that were not the store's absence. */
  readonly wrong: unknown[] = [];
  lastGrantMs = 0;
  stopped = false;

  constructor(participant: Participant) {
    this.participant = participant;
  }

  async run(replicas: readonly RigReplica[], turn: number): Promise<void> {
    for (let tries = turn; !this.stopped; tries += 1) {
      const on = replicas[tries % replicas.length];
      if (on && (await this.#renew(on))) {
        await delay(TTL_MS / 3);
        // It stays with a replica that answers.
        tries -= 1;
      }
    }
  }

  async #renew(on: RigReplica): Promise<boolean> {
    const sentMs = systemClock.monotonicMs();
    try {
      const { state, grant } = await this.participant.renew(on.replica);
      if (state !== 'leader' || grant?.term !== 1) this.wrong.push({ state, grant });
      this.lastGrantMs = sentMs;
      return true;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'store.unavailable') this.wrong.push(error);
      else await delay(50);
      return false;
    }
  }
}

const running: Leader[] = [];

/** Repeats while the store is busy; a repeat is harmless, and may find that it was done (`done`). */
async function patiently(work: () => Promise<unknown>, done?: string): Promise<void> {
  const attempt = async (): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'store.unavailable') return false;
      if (code !== undefined && code === done) return true;
      throw error;
    }
  };
  await waitUntil(attempt, { what: 'the scene to be set', withinMs: 15_000 });
}

interface Scene {
  replicas: RigReplica[];
  leaders: Leader[];
  dying: Leader[];
  member: EtcdMember;
}

/** 200 leaders renew through two replicas, one of which talks to the member that leads etcd. */
async function setScene(): Promise<Scene> {
  const member = await rig.etcd.leader();
  const index = rig.etcd.members.indexOf(member);
  const replicas = [await rig.replica(index), await rig.replica((index + 1) % 3)];
  const leaders = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, number) => {
      const on = replicas[number % 2] as RigReplica;
      const participant = rig.participant('leader', {
        election: `election-${number}`,
        ttlMs: TTL_MS,
        callMs: CALL_MS,
      });
      await patiently(() => rig.election(on, { election: participant.election }), 'election.name_taken');
      await patiently(() => participant.campaign(on.replica));
      const leader = new Leader(participant);
      running.push(leader);
      void leader.run(replicas, number);
      return leader;
    }),
  );
  const granted = (): boolean => leaders.every(({ lastGrantMs }) => lastGrantMs > 0);
  await waitUntil(granted, { what: 'all leaders to renew' });
  return { replicas, leaders, dying: leaders.slice(0, DYING), member };
}

/** Waits until every living leader was granted anew since `sinceMs`. */
async function untilGrantedAfter(scene: Scene, sinceMs: number): Promise<void> {
  const living = scene.leaders.filter(({ stopped }) => !stopped);
  const granted = (): boolean => living.every(({ lastGrantMs }) => lastGrantMs > sinceMs);
  await waitUntil(granted, { what: 'all leaders to renew again', withinMs: 10_000 });
}

async function expectNobodyDeposed(scene: Scene): Promise<void> {
  const living = scene.leaders.filter(({ stopped }) => !stopped);
  expect(living.flatMap(({ wrong }) => wrong)).toEqual([]);
  const on = scene.replicas[1] as RigReplica;
  const found = await Promise.all(living.map(({ participant }) => storedLeader(on, participant)));
  const expected = living.map(({ participant }) => ({
    term: 1,
    candidateId: participant.standing?.candidateId,
  }));
  expect(found.map((leader) => ({ term: leader?.term, candidateId: leader?.candidateId }))).toEqual(expected);
}

async function untilDyingAreEnded(scene: Scene): Promise<void> {
  const on = scene.replicas[1] as RigReplica;
  const ended = async (): Promise<boolean> => {
    const left = await Promise.all(scene.dying.map(({ participant }) => storedLeader(on, participant)));
    return left.every((leader) => leader === undefined);
  };
  await waitUntil(ended, { what: 'the dead leaders to be ended', withinMs: TTL_MS + BOUND_MS, everyMs: 50 });
}

describe("etcd's leader fails while 200 leaders renew at a third of ttlMs 2000", () => {
  it('stalls and comes back: nobody is deposed, and the dead are ended within their ttl and a bound', async () => {
    const scene = await setScene();
    for (const leader of scene.dying) leader.stopped = true;
    scene.member.pause();
    const pausedMs = systemClock.monotonicMs();
    await untilGrantedAfter(scene, pausedMs);
    await untilDyingAreEnded(scene);
    await expectNobodyDeposed(scene);
    scene.member.resume();
    await scene.member.untilHealthy();
    await untilGrantedAfter(scene, systemClock.monotonicMs());
    await expectNobodyDeposed(scene);
  }, 30_000);

  it('is killed and restarted: nobody is deposed, and the dead are ended within their ttl and a bound', async () => {
    const scene = await setScene();
    for (const leader of scene.dying) leader.stopped = true;
    await scene.member.kill();
    await untilGrantedAfter(scene, systemClock.monotonicMs());
    await untilDyingAreEnded(scene);
    await expectNobodyDeposed(scene);
    await scene.member.restart();
    await untilGrantedAfter(scene, systemClock.monotonicMs());
    await expectNobodyDeposed(scene);
  }, 30_000);
});
