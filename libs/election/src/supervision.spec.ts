import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keys, Replica } from '#election';
import { createElection, FakeClock, MemoryElectionStore, MemoryStoreData, Participant } from '#testing';

const secret = new Uint8Array(32).fill(7);

describe('supervision', () => {
  let clock: FakeClock;
  let data: MemoryStoreData;
  let store: MemoryElectionStore;
  let replica: Replica;
  /** Deliveries of the watch that a test holds back. */
  let held: (() => void)[] | undefined;

  const sessions = (): string[] => [...data.entries.keys()].filter((key) => key.startsWith('s/'));

  beforeEach(async () => {
    clock = new FakeClock();
    data = new MemoryStoreData();
    held = undefined;
    const onDelivery = (deliver: () => void): void => {
      if (held) held.push(deliver);
      else queueMicrotask(deliver);
    };
    store = new MemoryElectionStore(data, { onDelivery });
    replica = await Replica.start({ store, clock, processId: 'prc_1', secret });
    await createElection(replica, clock);
    await clock.advance(300);
  });

  afterEach(async () => {
    await replica.close();
  });

  it('ends a session one ttlMs after its last renewal was seen, and not before', async () => {
    const a = new Participant('a', { clock, ttlMs: 1_000 });
    await a.campaign(replica);
    await clock.advance(990);
    expect(sessions()).toHaveLength(1);
    await clock.advance(40);
    expect(sessions()).toHaveLength(0);
  });

  it('never ends a session while its participant still believes', async () => {
    const a = new Participant('a', { clock, ttlMs: 1_000 });
    await a.campaign(replica);
    for (let i = 0; i < 50; i += 1) {
      await clock.advance(50 + (i % 7) * 60);
      if (sessions().length === 0) break;
      await a.renew(replica).catch(() => undefined);
    }
    expect(sessions()).toHaveLength(1);
    while (sessions().length > 0) {
      await clock.advance(10);
      if (a.believes) expect(sessions()).toHaveLength(1);
    }
    expect(a.believes).toBe(false);
  });

  it('gives everybody a whole ttlMs more after a gap in which nobody could renew', async () => {
    const a = new Participant('a', { clock, ttlMs: 1_000 });
    await a.campaign(replica);
    store.partitioned = true;
    await clock.advance(3_000);
    store.partitioned = false;
    await clock.advance(900);
    expect(sessions()).toHaveLength(1);
    await expect(a.renew(replica)).resolves.toMatchObject({ state: 'leader' });
  });

  it('gives a session of 300 ms a whole ttlMs more after a pause of the store that is none for longer ones', async () => {
    const [short, long] = [300, 1_000].map((ttlMs) => new Participant(`p${ttlMs}`, { clock, ttlMs }));
    await short?.campaign(replica);
    await clock.advance(250);
    await long?.campaign(replica);
    await clock.advance(20);
    store.partitioned = true;
    await clock.advance(200);
    store.partitioned = false;
    // By now it would have been ended: it has not been renewed for more than 500 ms.
    await clock.advance(290);
    expect(sessions()).toHaveLength(2);
    await clock.advance(80);
    expect(sessions()).toHaveLength(1);
    // The other one is due as if nothing had happened.
    await clock.advance(400);
    expect(sessions()).toHaveLength(1);
    await clock.advance(60);
    expect(sessions()).toHaveLength(0);
  });

  it('asks a store that stands still to end no short session: that would overtake renewals when it goes on', async () => {
    const ends: string[] = [];
    const commit = store.commit.bind(store);
    store.commit = (transition, options) => {
      for (const write of transition.writes)
        if (write.kind === 'delete' && write.key.startsWith('s/')) ends.push(write.key);
      return commit(transition, options);
    };
    await new Participant('a', { clock, ttlMs: 300 }).campaign(replica);
    await clock.advance(270);
    store.partitioned = true;
    // Due, and the heartbeats do not tell yet that nothing answers.
    await clock.advance(120);
    expect(ends).toEqual([]);
    store.partitioned = false;
    await clock.advance(600);
    expect(ends).toHaveLength(1);
    expect(sessions()).toHaveLength(0);
  });

  it('judges in slices what falls due at once, so that calls have their turn between them', async () => {
    for (let at = 0; at < 20; at += 1)
      await new Participant(`a-${at}`, { clock, ttlMs: 1_000 }).campaign(replica);
    let ends = 0;
    const commit = store.commit.bind(store);
    store.commit = (transition, options) => {
      const isEnd = transition.writes.some(({ kind, key }) => kind === 'delete' && key.startsWith('s/'));
      if (isEnd) {
        ends += 1;
        clock.stall(0.4);
      }
      return commit(transition, options);
    };
    /** How many had been ended each time that another timer had its turn. */
    const turns: number[] = [];
    const turn = (): void => {
      turns.push(ends);
      if (turns.length < 500) clock.after(0.1, turn);
    };
    clock.after(990, turn);
    await clock.advance(1_100);
    expect(ends).toBe(20);
    expect(sessions()).toHaveLength(0);
    const between = turns.map((ended, at) => ended - (turns[at - 1] ?? 0));
    expect(Math.max(...between)).toBe(3);
  });

  it('does not judge before it has drained what came while the process stood still', async () => {
    const a = new Participant('a', { clock, ttlMs: 1_000 });
    await a.campaign(replica);
    await clock.advance(500);
    held = [];
    const key = [...data.entries.keys()].find((each) => each.startsWith('s/')) ?? '';
    const value = data.entries.get(key)?.value ?? '';
    data.commit({ guards: [], writes: [{ kind: 'put', key, value }], reads: [] });
    clock.stall(800);
    await clock.advance(20);
    expect(sessions()).toHaveLength(1);
    const missed = held;
    held = undefined;
    for (const deliver of missed) deliver();
    await clock.advance(600);
    expect(sessions()).toHaveLength(1);
  });

  it('leaves a late judgement without effect: the record has moved on', async () => {
    const a = new Participant('a', { clock, ttlMs: 1_000 });
    await a.campaign(replica);
    await clock.advance(800);
    // The renewal commits, but this replica does not see it; its own heartbeats still come through.
    const key = [...data.entries.keys()].find((each) => each.startsWith('s/')) ?? '';
    const listeners = [...data.listeners];
    data.listeners.clear();
    data.commit({
      guards: [],
      writes: [{ kind: 'put', key, value: data.entries.get(key)?.value ?? '' }],
      reads: [],
    });
    for (const listener of listeners) data.listeners.add(listener);
    await clock.advance(600);
    expect(sessions()).toHaveLength(1);
  });

  it('is ready while the store has answered within two seconds, through any shorter gap', async () => {
    expect(replica.ready()).toBe(true);
    store.partitioned = true;
    await clock.advance(1_500);
    expect(replica.ready()).toBe(true);
    await clock.advance(1_000);
    expect(replica.ready()).toBe(false);
    store.partitioned = false;
    await clock.advance(200);
    expect(replica.ready()).toBe(true);
  });

  it('removes the heartbeat of a replica that has been gone for a minute', async () => {
    const gone = await Replica.start({
      store: new MemoryElectionStore(data),
      clock,
      processId: 'prc_gone',
      secret,
    });
    await clock.advance(300);
    await gone.close();
    await clock.advance(30_000);
    expect(data.entries.has(keys.replica('prc_gone'))).toBe(true);
    await clock.advance(40_000);
    expect(data.entries.has(keys.replica('prc_gone'))).toBe(false);
  });
});
