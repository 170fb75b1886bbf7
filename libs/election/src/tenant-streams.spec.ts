import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FakeClock, MemoryElectionStore, MemoryStoreData } from '#testing';
import { keys } from './keys.js';
import { encode, type RelayedEvent } from './records.js';
import type { Entry } from './store.js';
import { type TenantObservation, type TenantPlace, TenantStreams } from './tenant-streams.js';
import { View } from './view.js';

const TENANT = 'ten_a';
const soon = { receivedAtMs: 0, deadlineMs: Number.MAX_SAFE_INTEGER };

/** Which elections tell an event in each revision; several may, since transitions travel in groups. */
const story = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 12,
});

function eventsOf(groups: readonly (readonly string[])[]): RelayedEvent[] {
  const sequences = new Map<string, number>();
  return groups.flatMap((group, index) =>
    group.map((name) => {
      const sequence = (sequences.get(name) ?? 0) + 1;
      sequences.set(name, sequence);
      const electionId = `elc_${name}`;
      const told = { id: `${name} ${sequence}`, tenantId: TENANT, electionId, election: name };
      return { ...told, seat: 0, epoch: 0, sequence, revision: 10 + index } as RelayedEvent;
    }),
  );
}

const entryOf = ({ revision, ...event }: RelayedEvent): Entry => ({
  key: keys.event(event, event.epoch, event.sequence),
  value: encode(event),
  createRevision: revision,
  modRevision: revision,
});

/** A replica whose store is at `revision`, whose outbox is empty and whose record holds these events. */
function replica(recorded: readonly RelayedEvent[] = [], revision = 1_000) {
  const view = new View(new FakeClock());
  const data = new MemoryStoreData();
  data.revision = revision;
  view.reset([], revision);
  const ofTenant = async (_tenantId: string, from: TenantPlace): Promise<RelayedEvent[]> =>
    recorded.filter((event) => event.revision >= from.revision);
  const streams = new TenantStreams({ view, store: new MemoryElectionStore(data), past: { ofTenant } });
  return { view, streams };
}

async function open(streams: TenantStreams, place?: string) {
  const told: TenantObservation[] = [];
  const observer = { observe: (observation: TenantObservation): void => void told.push(observation) };
  await streams.observe({ tenantId: TENANT, sees: () => true, ...(place && { place }) }, observer, soon);
  return told;
}

const ids = (told: readonly TenantObservation[]): string[] =>
  told.flatMap((seen) => (seen.kind === 'event' ? [seen.event.id] : []));

describe('the stream of a tenant', () => {
  it('tells the same order at every replica, and from any place on exactly what follows it', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (groups) => {
        const events = eventsOf(groups);
        const [one, other] = [replica(), replica()];
        const [told, alike] = [await open(one.streams), await open(other.streams)];
        for (const [index] of groups.entries()) {
          const entries = events.filter(({ revision }) => revision === 10 + index).map(entryOf);
          // The store's order within a revision is nobody's to rely on.
          const later = (entry: Entry) => ({ ...entry, modRevision: entry.modRevision + 1_000 });
          const changes = entries.map((entry) => ({ kind: 'put' as const, entry: later(entry) }));
          one.view.apply(changes, 1_010 + index);
          other.view.apply(changes.toReversed(), 1_010 + index);
        }
        expect(ids(told)).toEqual(ids(alike));
        expect(ids(told)).toHaveLength(events.length);
        const recorded = events.map((event) => ({ ...event, revision: event.revision + 1_000 }));
        for (const [index, seen] of told.filter(({ kind }) => kind === 'event').entries()) {
          const place = seen.kind === 'event' ? seen.place : '';
          const { streams } = replica(recorded, 2_000);
          expect(ids(await open(streams, place))).toEqual(ids(told).slice(index + 1));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('says gap where the record does not reach back to the place, or has too much', async () => {
    const events = eventsOf(Array.from({ length: 3 }, () => ['a']));
    const place = Buffer.from('0.10.elc_a.1').toString('base64url');
    const whole = await open(replica(events, 2_000).streams, place);
    expect(whole.map(({ kind }) => kind)).toEqual(['event', 'event']);
    const cut = await open(replica(events.slice(1), 2_000).streams, place);
    expect(cut.map(({ kind }) => kind)).toEqual(['gap', 'snapshot']);
    const much = eventsOf(Array.from({ length: 1_002 }, () => ['a']));
    const toldMuch = await open(replica(much, 2_000).streams, place);
    expect(toldMuch.map(({ kind }) => kind)).toEqual(['gap', 'snapshot']);
  });

  it('ends when the watch had a gap, so that its reader comes back with its place', async () => {
    const { view, streams } = replica();
    const told = await open(streams);
    view.reset([], 1_001);
    expect(told.map(({ kind }) => kind)).toEqual(['snapshot', 'closed']);
    const [late] = eventsOf([['a']]);
    if (late) view.apply([{ kind: 'put', entry: { ...entryOf(late), modRevision: 1_002 } }], 1_002);
    expect(told).toHaveLength(2);
  });
});
