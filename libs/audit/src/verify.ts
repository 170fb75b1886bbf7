import canonicalize from 'canonicalize';
import { type AuditRecord, type ChainLink, hashOf, NO_HASH, storable, targetIdsOf } from './canonical.js';
import type { StoredEvent } from './chain.js';

/** What is known of a chain beside its rows. */
export interface Chain {
  tenantId: string;
  /** As `audit_chains` has it; undefined if that row is gone. */
  head: ChainLink | undefined;
  /** The last event that retention removed, if it removed any. */
  cut?: ChainLink | undefined;
  /** Heads whose signature was checked; in any order. */
  checkpoints?: readonly ChainLink[];
}

/**
 * `changed`: not what was recorded; `removed`: no longer there; `inserted`: never recorded; `reordered`: recorded,
 * at another place; `rewritten`: consistent by itself, but not what a signed checkpoint saw.
 */
export type WrongKind = 'changed' | 'removed' | 'inserted' | 'reordered' | 'rewritten';

export interface Wrong {
  kind: WrongKind;
  /** Of the first event that is wrong. */
  sequence: number;
  /** The id that stands in the row now, if there is a row. */
  id?: string;
  /** For people. */
  detail: string;
}

export interface Verdict {
  tenantId: string;
  /** How many events were read. */
  events: number;
  /** Where the chain stands, as far as it was right. */
  verified: ChainLink;
  /** Signed heads that agree. One from before the cut can no longer be compared. */
  checkpoints: number;
  /** Absent: nothing is wrong. */
  wrong?: Wrong;
}

/** Retention puts its cut on record; a cut that no event tells of was made by somebody else. */
export const CUT_ACTION = 'audit_log.cut';

/**
 * Walks a chain and names the first event that is wrong, and how.
 *
 * What it cannot see: a chain whose every later hash was recomputed, and whose head was replaced, is consistent by
 * itself. Only a checkpoint that somebody else kept tells it from the one that was recorded.
 *
 * @param rows every row of the chain, by sequence
 */
export async function verifyChain(chain: Chain, rows: AsyncIterable<StoredEvent>): Promise<Verdict> {
  const walk = new Walk(chain);
  let held: StoredEvent | undefined;
  for await (const row of rows) {
    if (held && walk.step(held, row)) return walk.verdict();
    held = row;
  }
  if (held && walk.step(held, undefined)) return walk.verdict();
  walk.end();
  return walk.verdict();
}

class Walk {
  private last: ChainLink;
  private lastRow: StoredEvent | undefined;
  private events = 0;
  private agreed = 0;
  private cutIsTold = false;
  private wrong: Wrong | undefined;
  private readonly checkpoints: ChainLink[];

  constructor(private readonly chain: Chain) {
    this.last = chain.cut ?? { sequence: 0, hash: NO_HASH };
    const checkable = (chain.checkpoints ?? []).filter(({ sequence }) => sequence >= this.last.sequence);
    this.checkpoints = checkable.sort((one, other) => one.sequence - other.sequence);
    this.checkCheckpoint();
  }

  verdict(): Verdict {
    return {
      tenantId: this.chain.tenantId,
      events: this.events,
      verified: this.last,
      checkpoints: this.agreed,
      ...(this.wrong && { wrong: this.wrong }),
    };
  }

  /** Looks at one row, knowing the one after it. Answers whether something is wrong. */
  step(row: StoredEvent, next: StoredEvent | undefined): boolean {
    this.wrong ??=
      this.outOfNumber(row) ?? changed(row) ?? this.misplaced(row, next) ?? this.unlinked(row, next);
    if (this.wrong) return true;
    this.events += 1;
    this.last = { sequence: row.sequence, hash: row.hash };
    this.lastRow = row;
    if (row.action === CUT_ACTION) this.cutIsTold ||= tellsOf(row, this.chain.cut);
    return this.checkCheckpoint();
  }

  /** After the last row: does the chain end where it should, and begin where it says? */
  end(): void {
    this.wrong ??= this.badEnd() ?? this.lostTail() ?? this.untoldCut();
  }

  private outOfNumber(row: StoredEvent): Wrong | undefined {
    const expected = this.last.sequence + 1;
    if (row.sequence > expected) {
      const detail =
        row.sequence - expected === 1
          ? `Event ${expected} is gone.`
          : `Events ${expected} to ${row.sequence - 1} are gone.`;
      return { kind: 'removed', sequence: expected, detail };
    }
    if (row.sequence < expected) {
      return wrongAt(
        row,
        'inserted',
        `The chain begins after event ${this.last.sequence}; this row stands before.`,
      );
    }
    const head = this.chain.head;
    if (head && row.sequence > head.sequence) {
      return wrongAt(
        row,
        'inserted',
        `The chain ends with event ${head.sequence}; this row stands behind its end.`,
      );
    }
    return undefined;
  }

  /** The row is whole, but the event in it says that it belongs elsewhere. */
  private misplaced(row: StoredEvent, next: StoredEvent | undefined): Wrong | undefined {
    const told = recordOf(row);
    if (told?.tenant !== row.tenantId) {
      return wrongAt(row, 'inserted', `The event in this row is of the chain ${told?.tenant ?? '?'}.`);
    }
    if (told.sequence === row.sequence) return undefined;
    const detail = `The event in this row was recorded as number ${told.sequence}.`;
    const before = this.lastRow;
    if (before && recordOf(before)?.sequence === told.sequence) {
      return wrongAt(
        before,
        'inserted',
        `Another row holds the event that was recorded as ${told.sequence}.`,
      );
    }
    const follows = next !== undefined && recordOf(next)?.sequence === told.sequence + 1;
    if (told.sequence > row.sequence && (follows || next === undefined)) {
      return { kind: 'removed', sequence: row.sequence, detail: `${detail} Those before it were removed.` };
    }
    return wrongAt(row, 'reordered', detail);
  }

  /** Whole and in place, but not chained to the event before: one of the two was replaced and hashed anew. */
  private unlinked(row: StoredEvent, next: StoredEvent | undefined): Wrong | undefined {
    if (row.previousHash === this.last.hash) return undefined;
    const follower = next ? next.previousHash : this.chain.head?.hash;
    if (this.lastRow && row.hash === follower) {
      return wrongAt(
        this.lastRow,
        'changed',
        `Event ${row.sequence} was chained to another event ${row.sequence - 1}.`,
      );
    }
    return wrongAt(row, 'changed', 'This row is not chained to the event before it.');
  }

  private checkCheckpoint(): boolean {
    for (let next = this.checkpoints[0]; next?.sequence === this.last.sequence; next = this.checkpoints[0]) {
      this.checkpoints.shift();
      if (next.hash === this.last.hash) this.agreed += 1;
      else {
        const detail = `A signed checkpoint saw another event ${next.sequence}: it, or one before it, was rewritten.`;
        this.wrong ??= { kind: 'rewritten', sequence: next.sequence, ...idOf(this.lastRow), detail };
      }
    }
    return this.wrong !== undefined;
  }

  private badEnd(): Wrong | undefined {
    const { head } = this.chain;
    const after = this.last.sequence + 1;
    if (head === undefined) {
      if (this.last.sequence === 0) return undefined;
      return {
        kind: 'removed',
        sequence: after,
        detail: 'The head of the chain is gone: it may have been longer.',
      };
    }
    if (head.sequence > this.last.sequence) {
      return { kind: 'removed', sequence: after, detail: `The chain ended with event ${head.sequence}.` };
    }
    if (head.sequence === this.last.sequence && head.hash === this.last.hash) return undefined;
    const detail = 'The head of the chain has another hash for its last event.';
    return { kind: 'changed', sequence: this.last.sequence, ...idOf(this.lastRow), detail };
  }

  private lostTail(): Wrong | undefined {
    const seen = this.checkpoints.at(-1);
    if (seen === undefined) return undefined;
    const detail = `A signed checkpoint saw event ${seen.sequence}: the end of the chain was cut off.`;
    return { kind: 'removed', sequence: this.last.sequence + 1, detail };
  }

  private untoldCut(): Wrong | undefined {
    const { cut } = this.chain;
    if (cut === undefined || this.cutIsTold) return undefined;
    const detail = `No event tells of the cut after event ${cut.sequence}: it was not made by retention.`;
    return { kind: 'removed', sequence: cut.sequence, detail };
  }
}

/** Whether the row's own parts disagree: its bytes with its hash, or its copies with its bytes. */
function changed(row: StoredEvent): Wrong | undefined {
  if (hashOf(row.previousHash, row.canonical) !== row.hash) {
    return wrongAt(row, 'changed', 'The event does not have the hash that stands beside it.');
  }
  const record = recordOf(row);
  if (!record || canonicalize(record) !== row.canonical) {
    return wrongAt(row, 'changed', 'What stands there is no event in canonical spelling.');
  }
  const copies: [string, boolean][] = [
    ['id', record.id === row.id],
    ['action', record.action === row.action],
    ['actor_id', storable(record.actor.id) === row.actorId],
    ['target_ids', JSON.stringify(targetIdsOf(record)) === JSON.stringify(row.targetIds)],
    ['occurred_at', Date.parse(record.occurredAt) === row.occurredAt.getTime()],
  ];
  const [name] = copies.find(([, same]) => !same) ?? [];
  return name === undefined ? undefined : wrongAt(row, 'changed', `${name} is not what the event says.`);
}

function recordOf(row: StoredEvent): AuditRecord | undefined {
  try {
    const record: unknown = JSON.parse(row.canonical);
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Just what the walk reads: a forged row may hold anything. */
function isRecord(value: unknown): value is AuditRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { tenant, sequence, actor, targets } = value as Partial<AuditRecord>;
  const known = typeof tenant === 'string' && typeof sequence === 'number' && typeof actor?.id === 'string';
  return known && Array.isArray(targets) && targets.every((target: unknown) => isTarget(target));
}

function isTarget(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name } = value as { id?: unknown; name?: unknown };
  return typeof id === 'string' && (name === undefined || typeof name === 'string');
}

function tellsOf(row: StoredEvent, cut: ChainLink | undefined): boolean {
  const told = recordOf(row)?.metadata;
  return cut !== undefined && told?.['sequence'] === cut.sequence && told['hash'] === cut.hash;
}

function wrongAt(row: StoredEvent, kind: WrongKind, detail: string): Wrong {
  return { kind, sequence: row.sequence, id: row.id, detail };
}

function idOf(row: StoredEvent | undefined): { id?: string } {
  return row ? { id: row.id } : {};
}
