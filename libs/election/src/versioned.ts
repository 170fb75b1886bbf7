/** Records with the revisions that a decision on them guards. */
import type { CandidateRecord } from './records.js';

export interface Versioned<T> {
  record: T;
  createRevision: number;
  modRevision: number;
  /** When this replica's watch brought the present revision, monotonic ms; absent where a listing or a read did. */
  seenAtMs?: number;
}

export interface Candidacy extends Versioned<CandidateRecord> {
  candidateId: string;
}
