/**
 * The record of leadership in Postgres: every event once and in order, and the terms that they make. Written by the
 * relay alone, read by whoever asks who led when.
 */
import { LeadershipEvents } from './leadership-event.entity.js';
import { LeadershipTerms } from './leadership-term.entity.js';
import { HistoryProgress } from './progress.entity.js';
import { RelayFences } from './relay-fence.js';

/** The rows of this library, for the data source. */
export const HISTORY_ENTITIES = [LeadershipEvents, LeadershipTerms, HistoryProgress, RelayFences];

export { HistoryReader, type TermsRequest } from './history-reader.js';
export { type Evidence, HistoryGap, HistoryWriter } from './history-writer.js';
export type { LeadershipTermRow } from './leadership-term.entity.js';
export { RelaySuperseded, takeRelayFence } from './relay-fence.js';
