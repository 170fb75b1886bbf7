import type { Change, Entry, Guard, Outcome, Read, Transition, Write } from '#election';
import { KeyRange } from './key-range.js';
import { WireReader, WireWriter } from './wire.js';

/** Enum values and field numbers of etcd's rpc.proto. */
const RESULT = { equal: 0, less: 2 } as const;
const TARGET = { create: 1, mod: 2, value: 3 } as const;
const TXN = { compare: 1, success: 2, failure: 3 } as const;
const OPERATION = { range: 1, put: 2, delete: 3, txn: 4 } as const;
const RANGE = { key: 1, rangeEnd: 2, limit: 3, revision: 4, serializable: 7 } as const;
const WATCH = { create: 1, progress: 3 } as const;
const COMPARE = {
  result: 1,
  target: 2,
  key: 3,
  createRevision: 5,
  modRevision: 6,
  value: 7,
  rangeEnd: 64,
} as const;

/** One etcd transaction that carries several transitions. */
export interface GroupRequest {
  /** What the group as a whole demands. */
  demands: readonly Guard[];
  transitions: readonly Transition[];
  /** What is read instead when a demand does not hold. */
  probes: readonly Read[];
}

/** Where an answer comes from, and of when it is. */
export interface Origin {
  /** Rounded to a double; good for telling clusters apart. */
  clusterId: number;
  revision: number;
}

export type GroupAnswer =
  | { executed: true; origin: Origin; outcomes: (Outcome | undefined)[] }
  | { executed: false; origin: Origin; probed: Entry[][] };

/** A range of keys as etcd knows them. */
export interface Range {
  key: Buffer;
  range_end: Buffer;
}

export interface PageRequest {
  range: Range;
  revision: number;
  limit: number;
}

export interface Page {
  entries: Entry[];
  /** Where the next page starts; undefined after the last. */
  next: Buffer | undefined;
  /** How many keys the range holds at the revision, this page's included. */
  count: number;
}

/** One message of a watch stream; without changes it is a sign of life. */
export interface WatchMessage {
  canceled: boolean;
  reason: string;
  /** In revision order. */
  changes: Change[];
}

/** Transitions in etcd's words and back, below the deployment's prefix. */
export class Codec {
  readonly #prefix: string;
  readonly #prefixBytes: number;
  readonly #ranges: KeyRange;
  readonly #writer = new WireWriter();

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#prefixBytes = Buffer.byteLength(prefix);
    this.#ranges = new KeyRange(prefix);
  }

  encodeGroup({ demands, transitions, probes }: GroupRequest): Buffer {
    const writer = this.#writer;
    writer.reset();
    for (const guard of demands) this.#compare(guard);
    let writes = false;
    for (const transition of transitions) {
      const operation = writer.open(TXN.success);
      const txn = writer.open(OPERATION.txn);
      this.#transition(transition);
      writer.close(txn);
      writer.close(operation);
      writes ||= transition.writes.length > 0;
    }
    if (!writes) this.#neverTaken();
    for (const read of probes) this.#read(TXN.failure, read);
    return writer.finish();
  }

  decodeGroup(message: Buffer, transitions: readonly Transition[]): GroupAnswer {
    const reader = new WireReader(message);
    let origin: Origin = { clusterId: 0, revision: 0 };
    let executed = false;
    const parts: Part[] = [];
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 1) origin = readOrigin(reader);
      else if (field === 2) executed = reader.number() !== 0;
      else if (field === 3) parts.push(this.#part(reader));
      else reader.skip();
    }
    if (!executed) return { executed, origin, probed: parts.map(({ entries }) => entries) };
    const outcomes = transitions.map((transition, index): Outcome | undefined => {
      const txn = parts[index]?.txn;
      if (!txn) return undefined;
      const reads = txn.succeeded ? txn.reads.slice(transition.writes.length) : txn.reads;
      return { kind: txn.succeeded ? 'committed' : 'refused', revision: origin.revision, reads };
    });
    return { executed, origin, outcomes };
  }

  /** A page of a range as it was at `revision`. */
  encodePage({ range, ...page }: PageRequest): Buffer {
    const writer = this.#writer;
    writer.bytes(RANGE.key, range.key);
    writer.bytes(RANGE.rangeEnd, range.range_end);
    writer.number(RANGE.limit, page.limit);
    writer.number(RANGE.revision, page.revision);
    // Answered by the member itself: at a pinned revision it can fail, but not lie.
    writer.number(RANGE.serializable, 1);
    return writer.finish();
  }

  /** All keys that start with `prefix`; with `after` only those after that key. */
  range(prefix: string, after?: string): Range {
    const range = this.#ranges.below(prefix);
    return after === undefined ? range : { ...range, key: Buffer.from(`${this.#prefix}${after}\0`) };
  }

  /** What lies between two prefixes and begins with neither; before the first, after the last. */
  rangeBetween(first: string | undefined, second: string | undefined): Range {
    const whole = this.#ranges.below('');
    const key = first === undefined ? whole.key : this.#ranges.below(first).range_end;
    return { key, range_end: second === undefined ? whole.range_end : this.#ranges.below(second).key };
  }

  decodePage(message: Buffer): Page {
    const reader = new WireReader(message);
    const entries: Entry[] = [];
    let more = false;
    let count = 0;
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 2) entries.push(this.#entry(reader));
      else if (field === 3) more = reader.number() !== 0;
      else if (field === 4) count = reader.number();
      else reader.skip();
    }
    const last = entries.at(-1);
    const next = more && last ? Buffer.from(`${this.#prefix}${last.key}\0`) : undefined;
    return { entries, next, count };
  }

  encodeCompaction(revision: number): Buffer {
    this.#writer.number(1, revision);
    return this.#writer.finish();
  }

  /** A request to watch everything from a revision on. */
  encodeWatch(fromRevision: number): Buffer {
    const { key, range_end } = this.#ranges.below('');
    const writer = this.#writer;
    const start = writer.open(WATCH.create);
    writer.bytes(1, key);
    writer.bytes(2, range_end);
    writer.number(3, fromRevision);
    writer.close(start);
    return writer.finish();
  }

  /** Asks the watch for a sign of life. */
  encodeWatchProbe(): Buffer {
    this.#writer.close(this.#writer.open(WATCH.progress));
    return this.#writer.finish();
  }

  decodeWatch(message: Buffer): WatchMessage {
    const reader = new WireReader(message);
    const answer: WatchMessage = { canceled: false, reason: '', changes: [] };
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 4) answer.canceled = reader.number() !== 0;
      else if (field === 5) answer.reason ||= `compacted to revision ${reader.number()}`;
      else if (field === 6) answer.reason = reader.text() || answer.reason;
      else if (field === 11) answer.changes.push(this.#event(reader));
      else reader.skip();
    }
    return answer;
  }

  #event(reader: WireReader): Change {
    const outer = reader.enter();
    let deleted = false;
    let entry: Entry | undefined;
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 1) deleted = reader.number() !== 0;
      else if (field === 2) entry = this.#entry(reader);
      else reader.skip();
    }
    reader.leave(outer);
    if (!entry) throw new RangeError('The event names no key.');
    return deleted
      ? { kind: 'delete', key: entry.key, modRevision: entry.modRevision }
      : { kind: 'put', entry };
  }

  /** Reads a KeyValue message that the reader is about to enter. */
  #entry(reader: WireReader): Entry {
    const entry = { key: '', value: '', createRevision: 0, modRevision: 0 };
    const outer = reader.enter();
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 1) entry.key = reader.text(this.#prefixBytes);
      else if (field === 2) entry.createRevision = reader.number();
      else if (field === 3) entry.modRevision = reader.number();
      else if (field === 5) entry.value = reader.text();
      else reader.skip();
    }
    reader.leave(outer);
    return entry;
  }

  #transition({ guards, writes, reads }: Transition): void {
    for (const guard of guards) this.#compare(guard);
    for (const write of writes) this.#write(write);
    for (const read of reads) this.#read(TXN.success, read);
    for (const read of reads) this.#read(TXN.failure, read);
  }

  #compare(guard: Guard): void {
    const writer = this.#writer;
    const start = writer.open(TXN.compare);
    const newer = guard.kind === 'noneNewer';
    writer.number(COMPARE.result, newer ? RESULT.less : RESULT.equal);
    writer.number(COMPARE.target, targetOf(guard));
    if (newer) {
      const { key, range_end } = this.#ranges.below(guard.prefix);
      writer.bytes(COMPARE.key, key);
      writer.number(COMPARE.modRevision, guard.revision + 1);
      writer.bytes(COMPARE.rangeEnd, range_end);
    } else {
      writer.text(COMPARE.key, this.#prefix, guard.key);
      if (guard.kind === 'absent') writer.number(COMPARE.createRevision, 0);
      else if (guard.kind === 'revision') writer.number(COMPARE.modRevision, guard.revision);
      else writer.text(COMPARE.value, '', guard.value);
    }
    writer.close(start);
  }

  #write(write: Write): void {
    const writer = this.#writer;
    const operation = writer.open(TXN.success);
    const body = writer.open(write.kind === 'put' ? OPERATION.put : OPERATION.delete);
    writer.text(1, this.#prefix, write.key);
    if (write.kind === 'put') writer.text(2, '', write.value);
    writer.close(body);
    writer.close(operation);
  }

  #read(branch: number, read: Read): void {
    const writer = this.#writer;
    const operation = writer.open(branch);
    const body = writer.open(OPERATION.range);
    if (read.kind === 'key') writer.text(1, this.#prefix, read.key);
    else {
      const { key, range_end } = this.#ranges.below(read.prefix);
      // The key right after it in byte order.
      if (read.after !== undefined) writer.text(1, this.#prefix, `${read.after}\0`);
      else writer.bytes(1, key);
      writer.bytes(2, range_end);
      if (read.limit !== undefined) writer.number(3, read.limit);
    }
    writer.close(body);
    writer.close(operation);
  }

  /**
   * A delete that is never taken (no creation revision is below 0). A transaction that holds one is no read to
   * etcd and goes through the raft log: immune to the stale reads of etcd 3.4.20-3.4.41 (etcd-io/etcd#20418).
   */
  #neverTaken(): void {
    const writer = this.#writer;
    const operation = writer.open(TXN.success);
    const txn = writer.open(OPERATION.txn);
    const compare = writer.open(TXN.compare);
    writer.number(COMPARE.result, RESULT.less);
    writer.number(COMPARE.target, TARGET.create);
    writer.text(COMPARE.key, this.#prefix, NEVER);
    writer.number(COMPARE.createRevision, 0);
    writer.close(compare);
    this.#write({ kind: 'delete', key: NEVER });
    writer.close(txn);
    writer.close(operation);
  }

  /** One ResponseOp: a range, a nested transaction, or a write, which has nothing to tell. */
  #part(reader: WireReader): Part {
    const outer = reader.enter();
    const part: Part = { entries: [], txn: undefined };
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === OPERATION.range) this.#range(reader, part.entries);
      else if (field === OPERATION.txn) part.txn = this.#nested(reader);
      else reader.skip();
    }
    reader.leave(outer);
    return part;
  }

  #nested(reader: WireReader): Nested {
    const outer = reader.enter();
    const nested: Nested = { succeeded: false, reads: [] };
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 2) nested.succeeded = reader.number() !== 0;
      else if (field === 3) nested.reads.push(this.#part(reader).entries);
      else reader.skip();
    }
    reader.leave(outer);
    return nested;
  }

  #range(reader: WireReader, into: Entry[]): void {
    const outer = reader.enter();
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 2) into.push(this.#entry(reader));
      else reader.skip();
    }
    reader.leave(outer);
  }
}

const NEVER = 'g/never';

interface Nested {
  succeeded: boolean;
  /** One list for each operation, writes included. */
  reads: Entry[][];
}

interface Part {
  entries: Entry[];
  txn: Nested | undefined;
}

function targetOf(guard: Guard): number {
  if (guard.kind === 'absent') return TARGET.create;
  return guard.kind === 'value' ? TARGET.value : TARGET.mod;
}

/** Reads a response header that the reader is about to enter. */
function readOrigin(reader: WireReader): Origin {
  const origin = { clusterId: 0, revision: 0 };
  const outer = reader.enter();
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) origin.clusterId = reader.number();
    else if (field === 3) origin.revision = reader.number();
    else reader.skip();
  }
  reader.leave(outer);
  return origin;
}
