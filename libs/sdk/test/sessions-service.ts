import { problem, type Reply, type SeenRequest, TTL_MS } from './scripted-service.js';

interface Contest {
  session: string;
  candidateId: string;
  state: 'leader' | 'waiting' | 'yielding';
  term: number;
  reason?: string;
  yieldByMs?: number;
}

/**
 * A service that keeps sessions and elections as far as a client can tell: one session may stand in many elections, and
 * another leads what `taken` names.
 */
export class SessionsService {
  readonly contests = new Map<string, Contest>();
  readonly sessions = new Set<string>();
  /** Elections that somebody else leads. */
  readonly taken = new Set<string>();
  /** Why an election has put its candidate out. */
  readonly reasons = new Map<string, string>();
  /** Idempotency-Key -> session. */
  readonly #keys = new Map<string, string>();
  #stands = 0;

  readonly script = (request: SeenRequest): Reply => {
    const { path, verb, body } = request;
    const own = verb === 'campaign' && body['session'] === undefined;
    const session = String(own ? this.#open(request).body['session'] : body['session']);
    if (path === '/v1/sessions') return this.#open(request);
    const election = path.split('/')[3] ?? '';
    if (verb === 'end') return this.#end(session);
    if (verb === 'resign') return this.#resign(election, String(body['candidateId']));
    if (!this.sessions.has(session)) return problem(410, 'session.expired');
    if (path === '/v1/sessions/renew') return this.#renew(session);
    if (verb === 'campaign') this.#stand(election, session);
    if (verb === 'step-down') this.#stepDown(election, session, String(body['candidateId']));
    return this.#standing(election, session);
  };

  /** The election leads its candidate no more, and says why when asked. */
  putOut(election: string, reason: string): void {
    this.contests.delete(election);
    this.reasons.set(election, reason);
  }

  expire(session: string): void {
    this.#end(session);
  }

  #open({ key = '' }: SeenRequest): Reply {
    const session = this.#keys.get(key) ?? `ses_${this.#keys.size + 1}`;
    this.#keys.set(key, session);
    this.sessions.add(session);
    return { status: 201, body: { session, ttlMs: TTL_MS, renewAfterMs: TTL_MS / 3, validForMs: TTL_MS } };
  }

  #end(session: string): Reply {
    this.sessions.delete(session);
    for (const [election, contest] of this.contests)
      if (contest.session === session) this.contests.delete(election);
    return { status: 200, body: { state: 'ended' } };
  }

  #resign(election: string, candidateId: string): Reply {
    if (this.contests.get(election)?.candidateId === candidateId) this.contests.delete(election);
    return { status: 200, body: { state: 'out' } };
  }

  #stand(election: string, session: string): void {
    if (this.contests.get(election)?.session === session) return;
    const term = (this.#stands += 1);
    const state = this.taken.has(election) ? ('waiting' as const) : ('leader' as const);
    this.contests.set(election, { session, candidateId: `cnd_${term}`, state, term });
  }

  /** Another leads what `taken` names; a candidate that is alone leads again. */
  #stepDown(election: string, session: string, candidateId: string): void {
    if (this.contests.get(election)?.candidateId !== candidateId) return;
    this.contests.delete(election);
    this.#stand(election, session);
  }

  #renew(session: string): Reply {
    const terms = [...this.contests].flatMap(([election, contest]) =>
      contest.session === session && contest.state !== 'waiting' ? [{ election, ...told(contest) }] : [],
    );
    const body = { session, ttlMs: TTL_MS, renewAfterMs: TTL_MS / 3, validForMs: TTL_MS, terms };
    return { status: 200, body };
  }

  #standing(election: string, session: string): Reply {
    const contest = this.contests.get(election);
    const common = { session, ttlMs: TTL_MS, renewAfterMs: TTL_MS / 3 };
    if (contest?.session !== session) {
      const reason = this.reasons.get(election) ?? 'not_standing';
      return { status: 200, body: { ...common, state: 'out', reason } };
    }
    const place = contest.state === 'waiting' ? { position: 1 } : {};
    return { status: 200, body: { ...common, ...place, ...told(contest) } };
  }
}

function told({ candidateId, state, term, ...asked }: Contest): Record<string, unknown> {
  const { reason, yieldByMs } = asked;
  const grant = { seat: 0, term, fence: term, fencingToken: `jwt-${term}`, validForMs: TTL_MS };
  return { candidateId, state, ...(state === 'leader' && grant), reason, yieldByMs };
}
