/**
 * Sessions that are made for themselves: opened once, renewed once, and carrying any number of candidacies. They
 * follow the same rules as those that a campaign makes, in `election.ts`: what is told here as a term was read in the
 * transition that rewrote the session, or later in the same call. The view only says where to look, so a term that
 * began a moment ago may be missing from an answer, and no answer tells one that is over.
 */
import { hasCode, newId } from '#core';
import type { CallBounds, Standing } from './answers.js';
import { ttlTooSmall } from './decide/refusals.js';
import { type ElectionRef, keys } from './keys.js';
import { renewAfterMs, standingOf, validForMs } from './presentation.js';
import { decode, decodeSession, encodeSession, type LeaderRecord, newIncarnation } from './records.js';
import { expired, outcomeUnknown, ttlFixed } from './refusals.js';
import { renewSession } from './renewal.js';
import type { Sequencer } from './sequencer.js';
import type { SessionQuota } from './session-quota.js';
import type { SessionIdentity, SessionTokens } from './session-token.js';
import type { Situations } from './situations.js';
import { CATCH_UP_MS } from './standings.js';
import type { ElectionState } from './state.js';
import type { CommitOptions, ElectionStore, Entry, Lane } from './store.js';
import type { View } from './view.js';

export interface OpenRequest {
  tenantId: string;
  /** Milliseconds; the same for the whole life of the session. */
  ttlMs?: number;
  /** The same key finds the session that it had made while that lives. */
  idempotencyKey?: string;
}

export interface SessionRequest {
  tenantId: string;
  session: string;
}

/** A session that was just made or renewed. */
export interface OpenSession {
  /** Its token: a secret of the caller. */
  session: string;
  ttlMs: number;
  /** When to renew next; milliseconds from the answer. */
  renewAfterMs: number;
  /** How long it lives at least, from the moment the caller *sent* the request; the safety margin is already taken. */
  validForMs: number;
}

/** A standing of the state `leader` or `yielding`. */
export interface LedTerm extends Standing {
  seat: number;
}

export interface RenewedSession extends OpenSession {
  /** What it leads, in no order. */
  terms: LedTerm[];
  /** In how many elections it stands, as last seen, leading or waiting. */
  candidacies: number;
}

/** What a session gets that names no ttlMs and no election. */
const USUAL_TTL_MS = 10_000;
/** Leader records read in one transition, the one that renews included: with its write it stays below 48 operations. */
const READ_AT_ONCE = 40;
/** Resignations under way at once when a session ends; one group of the store's takes so many. */
const RESIGNED_AT_ONCE = 64;
/** What the resignations leave of the call's time, so that the record can go whatever becomes of them. */
const KEPT_FOR_END_MS = 500;
/** An attempt is repeated only when the store said that somebody was faster, or did not say what became of it. */
const MOST_ATTEMPTS = 5;

export interface SessionParts {
  store: ElectionStore;
  view: View;
  situations: Situations;
  sequencer: Sequencer;
  tokens: SessionTokens;
  quota: SessionQuota;
}

interface Term {
  election: ElectionState;
  seat: number;
  key: string;
}

export class Sessions {
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /**
   * Makes a session that stands nowhere yet. With the same Idempotency-Key it finds the one that the key had made, while
   * that lives, and renews it (S4).
   * @throws IncumbentError session.ttl_fixed, limit.quota_exceeded, store.unavailable, store.overloaded
   */
  async open({ tenantId, ttlMs, idempotencyKey }: OpenRequest, bounds: CallBounds): Promise<OpenSession> {
    const { tokens, quota, view } = this.#parts;
    const leastMs = view.tenants.get(tenantId)?.record.minTtlMs ?? 0;
    if (ttlMs !== undefined && ttlMs < leastMs) throw ttlTooSmall(leastMs);
    const fresh: SessionIdentity = {
      sessionId: idempotencyKey === undefined ? newId('ses') : tokens.derivedOpenId(tenantId, idempotencyKey),
      tenantId,
      ttlMs: ttlMs ?? Math.max(USUAL_TTL_MS, leastMs),
      incarnation: newIncarnation({ standalone: true }),
    };
    const options = optionsOf('campaign', tenantId, bounds);
    const release = await quota.reserve(fresh, fresh.sessionId, options);
    try {
      const { session, revision } = await this.#make(fresh, ttlMs, options);
      void view.reaches(revision, CATCH_UP_MS).then(release);
      return opened(tokens.mint(session), session);
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Extends the session, whoever made it, and says which terms it leads.
   * @param sees whether the caller may know of an election; terms of others are not told
   * @throws IncumbentError session.unknown, session.expired, store.unavailable, store.overloaded
   */
  async renew(
    request: SessionRequest,
    bounds: CallBounds,
    sees: (election: string) => boolean = () => true,
  ): Promise<RenewedSession> {
    const { store, tokens } = this.#parts;
    const session = tokens.parse(request.session, request.tenantId);
    const options = optionsOf('renew', request.tenantId, bounds);
    const { terms, candidacies } = this.#known(session, sees);
    const first = terms.slice(0, READ_AT_ONCE);
    const { reads } = await renewSession(store, session, first.map(toRead), options);
    const told = reads.flatMap((entries, at) => this.#told(first[at], entries, session, request.session));
    for (let from = READ_AT_ONCE; from < terms.length; from += READ_AT_ONCE) {
      const some = terms.slice(from, from + READ_AT_ONCE);
      const records = await this.#readMore(session, some, options);
      told.push(...records.flatMap((entries, at) => this.#told(some[at], entries, session, request.session)));
    }
    return { ...opened(request.session, session), terms: told, candidacies };
  }

  /**
   * Ends the session and with it every candidacy of it; what it leads goes to the successors at once. Repeated, or of a
   * session that is gone, it changes nothing. Whoever dies half-way leaves candidacies without a session, which
   * are settled like those of one that was not renewed.
   * @throws IncumbentError session.unknown, store.unavailable, store.overloaded
   */
  async end({ session: token, tenantId }: SessionRequest, bounds: CallBounds): Promise<void> {
    const { store, tokens, situations } = this.#parts;
    const session = tokens.parse(token, tenantId);
    // What was committed before this call is resigned, with that reason, and not left to the sweep.
    await situations.caughtUp(optionsOf('resign', tenantId, bounds));
    await this.#resignAll(session, bounds);
    const key = keys.session(session.sessionId);
    const transition = {
      guards: [{ kind: 'value' as const, key, value: encodeSession(session) }],
      writes: [{ kind: 'delete' as const, key }],
      reads: [],
    };
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await store.commit(transition, optionsOf('resign', tenantId, bounds));
      if (outcome.kind !== 'fenced') return;
      if (attempt >= MOST_ATTEMPTS) throw outcomeUnknown();
    }
  }

  /** Makes the session, or renews the one that is there under its id. */
  async #make(
    fresh: SessionIdentity,
    wantedTtlMs: number | undefined,
    options: CommitOptions,
  ): Promise<{ session: SessionIdentity; revision: number }> {
    const { store } = this.#parts;
    const key = keys.session(fresh.sessionId);
    const transition = {
      guards: [{ kind: 'absent' as const, key }],
      writes: [{ kind: 'put' as const, key, value: encodeSession(fresh) }],
      reads: [{ kind: 'key' as const, key }],
    };
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
      const outcome = await store.commit(transition, options);
      if (outcome.kind === 'committed') return { session: fresh, revision: outcome.revision };
      const found = outcome.kind === 'refused' ? outcome.reads[0]?.[0] : undefined;
      if (!found) continue;
      const session = { sessionId: fresh.sessionId, ...decodeSession(found.value) };
      if (wantedTtlMs !== undefined && wantedTtlMs !== session.ttlMs) throw ttlFixed(session.ttlMs);
      const renewed = await renewSession(store, session, [], options).catch(goneIsUndefined);
      if (renewed) return { session, revision: renewed.revision };
    }
    throw outcomeUnknown();
  }

  /** Where the view shows the session to stand, and the seats that it leads there. */
  #known(
    { sessionId, incarnation }: SessionIdentity,
    sees: (election: string) => boolean,
  ): { terms: Term[]; candidacies: number } {
    const { view } = this.#parts;
    const terms: Term[] = [];
    let candidacies = 0;
    for (const electionId of view.standing(sessionId).keys()) {
      const election = view.elections.get(electionId);
      if (!election?.config || !sees(election.config.record.name)) continue;
      candidacies += 1;
      for (const [seat, { leader }] of election.seats) {
        if (leader?.record.sessionId !== sessionId || leader.record.incarnation !== incarnation) continue;
        terms.push({ election, seat, key: keys.leader(election.ref, seat) });
      }
    }
    return { terms, candidacies };
  }

  /** Reads through the log, with the session: an answer after its end grants nothing. */
  async #readMore(
    session: SessionIdentity,
    terms: readonly Term[],
    options: CommitOptions,
  ): Promise<Entry[][]> {
    const own = { kind: 'key' as const, key: keys.session(session.sessionId) };
    const { reads } = await this.#parts.store.read([own, ...terms.map(toRead)], options);
    if (reads[0]?.[0]?.value !== encodeSession(session)) throw expired();
    return reads.slice(1);
  }

  #told(
    term: Term | undefined,
    [entry]: readonly Entry[],
    session: SessionIdentity,
    token: string,
  ): LedTerm[] {
    if (!term || !entry) return [];
    const leader = decode<LeaderRecord>(entry.value);
    if (leader.sessionId !== session.sessionId || leader.incarnation !== session.incarnation) return [];
    const { election, seat } = term;
    const standing = standingOf({
      ref: election.ref,
      election: election.config?.record.name ?? '',
      session,
      token,
      candidate: leader.name,
      candidateId: leader.candidateId,
      leader,
      seat,
      markAgeMs: this.#parts.view.markAgeMs(election, seat, entry),
      epoch: this.#parts.store.epoch().epoch,
      position: undefined,
      sequence: election.head?.record.sequence ?? 0,
    });
    return standing.state === 'leader' || standing.state === 'yielding' ? [{ ...standing, seat }] : [];
  }

  /** Resigns what the view shows, each election by its own transition. A failure is left to the end of the session. */
  async #resignAll(session: SessionIdentity, bounds: CallBounds): Promise<void> {
    const { view, sequencer } = this.#parts;
    const standing = [...view.standing(session.sessionId)];
    const deadlineMs = bounds.deadlineMs - KEPT_FOR_END_MS;
    const resign = async ([electionId, candidateId]: [string, string]): Promise<void> => {
      const ref: ElectionRef = { tenantId: session.tenantId, electionId };
      const command = { kind: 'resign' as const, candidateId, session };
      await sequencer.run(ref, command, { lane: 'resign', deadlineMs });
    };
    for (let from = 0; from < standing.length; from += RESIGNED_AT_ONCE) {
      await Promise.allSettled(standing.slice(from, from + RESIGNED_AT_ONCE).map(resign));
    }
  }
}

function opened(token: string, { ttlMs }: SessionIdentity): OpenSession {
  return { session: token, ttlMs, renewAfterMs: renewAfterMs(ttlMs), validForMs: validForMs(ttlMs) };
}

function optionsOf(lane: Lane, tenantId: string, { deadlineMs }: CallBounds): CommitOptions {
  return { lane, tenantId, deadlineMs };
}

function toRead({ key }: Term): { kind: 'key'; key: string } {
  return { kind: 'key', key };
}

function goneIsUndefined(error: unknown): undefined {
  if (hasCode(error, 'session.expired')) return undefined;
  throw error;
}
