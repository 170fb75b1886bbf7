import type {
  ICompare,
  IKeyValue,
  IRangeRequest,
  IRequestOp,
  IResponseOp,
  ITxnRequest,
  ITxnResponse,
} from 'etcd3';
import type { Entry, Guard, Outcome, Read, Transition, Write } from '#election';

/** Keys and transitions in etcd's words, below the deployment's prefix. */
export class Codec {
  readonly prefix: string;
  readonly #never: IRequestOp;

  constructor(prefix: string) {
    this.prefix = prefix;
    const key = this.key('g/never');
    this.#never = {
      request_txn: {
        compare: [{ target: 'Create', result: 'Less', key, create_revision: 0 }],
        success: [{ request_delete_range: { key } }],
        failure: [],
      },
    };
  }

  /**
   * A delete that is never taken. A transaction that holds it is no read to etcd and goes through the raft log:
   * immune to the stale reads of etcd 3.4.20-3.4.41 and 3.5.0-3.5.20 (etcd-io/etcd#20418).
   */
  get never(): IRequestOp {
    return this.#never;
  }

  key(key: string): Buffer {
    return Buffer.from(this.prefix + key);
  }

  /** The range of all keys that start with `prefix`. */
  range(prefix: string): { key: Buffer; range_end: Buffer } {
    const key = this.key(prefix);
    if (key.length === 0) return { key: ZERO, range_end: ZERO };
    return { key, range_end: endOf(key) };
  }

  compare(guard: Guard): ICompare {
    switch (guard.kind) {
      case 'absent':
        return { target: 'Create', result: 'Equal', key: this.key(guard.key), create_revision: 0 };
      case 'revision':
        return { target: 'Mod', result: 'Equal', key: this.key(guard.key), mod_revision: guard.revision };
      case 'value':
        return {
          target: 'Value',
          result: 'Equal',
          key: this.key(guard.key),
          value: Buffer.from(guard.value),
        };
      case 'noneNewer':
        return {
          target: 'Mod',
          result: 'Less',
          ...this.range(guard.prefix),
          mod_revision: guard.revision + 1,
        };
    }
  }

  /** One transition as a transaction of its own. */
  transaction(transition: Transition): ITxnRequest {
    const reads = transition.reads.map((read) => this.#read(read));
    if (transition.writes.length === 0) {
      return {
        compare: transition.guards.map((guard) => this.compare(guard)),
        success: reads,
        failure: reads,
      };
    }
    return {
      compare: transition.guards.map((guard) => this.compare(guard)),
      success: [...transition.writes.map((write) => this.#write(write)), ...reads],
      failure: reads,
    };
  }

  /** What a transition's transaction came to. */
  outcome(transition: Transition, response: ITxnResponse, revision: number): Outcome {
    const skip = response.succeeded ? transition.writes.length : 0;
    const reads: Entry[][] = [];
    for (let i = skip; i < response.responses.length; i += 1) reads.push(this.entries(response.responses[i]));
    return { kind: response.succeeded ? 'committed' : 'refused', revision, reads };
  }

  entries(response: IResponseOp | undefined): Entry[] {
    return (response?.response_range?.kvs ?? []).map((kv) => this.entry(kv));
  }

  entry(kv: IKeyValue): Entry {
    return {
      key: this.keyOf(kv),
      value: kv.value.toString(),
      createRevision: Number(kv.create_revision),
      modRevision: Number(kv.mod_revision),
    };
  }

  /** The key without the deployment's prefix. */
  keyOf(kv: IKeyValue): string {
    return kv.key.toString().slice(this.prefix.length);
  }

  #read(read: Read): IRequestOp {
    if (read.kind === 'key') return { request_range: { key: this.key(read.key) } };
    const range: IRangeRequest = this.range(read.prefix);
    if (read.limit !== undefined) range.limit = read.limit;
    return { request_range: range };
  }

  #write(write: Write): IRequestOp {
    if (write.kind === 'delete') return { request_delete_range: { key: this.key(write.key) } };
    return { request_put: { key: this.key(write.key), value: Buffer.from(write.value) } };
  }
}

const ZERO = Buffer.from([0]);

/** The first key after all keys that start with `prefix`. Keys are UTF-8, so no byte of them is 255. */
function endOf(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  return end;
}
