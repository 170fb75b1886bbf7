import { IncumbentError } from '#core';
import type { CallBounds, Standing } from '#election';
import type { Engine } from '#etcd';
import { maySeeElection, type Principal, requireVisible } from '#tenancy';
import type { z } from 'zod';
import { campaign, renew, resign } from '../elections/campaign.operations.js';
import { showResignation, showStanding } from '../elections/presentation.js';
import type { TokenIssuer } from '../fencing/token-issuer.js';
import type { OperationSpec } from '../http/operation.js';
import { showEnded, showRenewed, showSession } from '../sessions/presentation.js';
import { end, open, renewAll } from '../sessions/sessions.operations.js';
import { type RenewalAdvice, wantedAdvice } from '../timing/renewal-advice.js';
import type { AttachedSocket, Frame } from './attached-socket.js';
import { frames } from './frames.schema.js';
import type { AnsweredTerm, SessionNews } from './session-news.js';

/** A participant has one session for all it does; this only bounds what a socket can make a replica remember. */
const MOST_SESSIONS = 1_000;

export interface FrameCall<B> {
  socket: AttachedSocket;
  caller: Principal;
  body: B;
  bounds: CallBounds;
}

/** What a frame with this `op` asks for. */
export interface FrameOperation {
  schema: z.ZodType;
  /** The call of HTTP whose rules hold for the frame as well. */
  policy: Pick<OperationSpec, 'access' | 'evenSuspended' | 'renews'>;
  run(call: FrameCall<unknown>): Promise<object>;
}

type Op = keyof typeof frames;
type CallOf<O extends Op> = FrameCall<z.output<(typeof frames)[O]>>;

/** The verbs that frames name: those of HTTP, answered alike, and the news of their sessions come to the socket. */
export class FrameCalls {
  private readonly operations = new Map<unknown, FrameOperation>([
    ['open', operation('open', open, (call) => this.open(call))],
    ['attach', operation('attach', renewAll, (call) => this.attach(call))],
    ['renew', operation('renew', renew, (call) => this.renew(call))],
    ['campaign', operation('campaign', campaign, (call) => this.campaign(call))],
    ['resign', operation('resign', resign, (call) => this.resign(call))],
    ['step-down', operation('stepDown', resign, (call) => this.stepDown(call))],
    ['end', operation('end', end, (call) => this.end(call))],
  ]);
  private readonly renewal = operation('renewSession', renewAll, (call) => this.renewSession(call));

  constructor(
    private readonly engine: Engine,
    private readonly tokens: TokenIssuer,
    private readonly news: SessionNews,
    private readonly advice: RenewalAdvice,
  ) {}

  /** What a frame asks for; undefined for what does not exist. */
  operationOf({ op, fields }: Frame): FrameOperation | undefined {
    return op === 'renew' && fields['election'] === undefined ? this.renewal : this.operations.get(op);
  }

  /** What frames may ask for. */
  get names(): unknown[] {
    return [...this.operations.keys()];
  }

  private async open({ socket, caller, body, bounds }: CallOf<'open'>): Promise<object> {
    requireRoom(socket);
    const { sessions } = this.engine.current;
    const opened = await sessions.open({ ...body, tenantId: caller.tenantId }, bounds);
    this.follow(socket, caller, opened.session);
    return showSession(opened);
  }

  /** Listens before it reads: what happens in between is told by one of the two, or by both. */
  private async attach(call: CallOf<'attach'>): Promise<object> {
    requireRoom(call.socket);
    const sessionId = this.follow(call.socket, call.caller, call.body.session);
    try {
      return await this.renewSession(call);
    } catch (error) {
      this.news.unfollow(sessionId, call.socket);
      call.socket.sessionGone(sessionId);
      throw error;
    }
  }

  private async renewSession({ caller, body, bounds }: CallOf<'attach' | 'renewSession'>): Promise<object> {
    const { tenantId } = caller;
    const sees = (election: string): boolean => maySeeElection(caller, election);
    const renewal = this.advice.arrived(tenantId, bounds.receivedAtMs, body);
    const renewed = await this.engine.current.sessions.renew({ ...body, tenantId }, bounds, sees);
    const timing = this.advice.answered(renewal, renewed, tenantId);
    const tokens = renewed.terms.map((led) => led.grant && this.tokens.issue(tenantId, led));
    return Object.assign(showRenewed(renewed, tokens), wantedAdvice(body, timing));
  }

  private async end({ caller, body, bounds }: CallOf<'end'>): Promise<object> {
    await this.engine.current.sessions.end({ ...body, tenantId: caller.tenantId }, bounds);
    return showEnded();
  }

  private async renew({ caller, body, bounds }: CallOf<'renew'>): Promise<object> {
    requireVisible(caller, body.election);
    const { tenantId } = caller;
    const { elections } = this.engine.current;
    const renewal = this.advice.arrived(tenantId, bounds.receivedAtMs, body);
    const standing = await elections.renew({ ...body, tenantId }, bounds);
    const timing = this.advice.answered(renewal, standing, tenantId, body.election);
    return Object.assign(this.show(caller, standing), wantedAdvice(body, timing));
  }

  private async campaign({ socket, caller, body, bounds }: CallOf<'campaign'>): Promise<object> {
    requireVisible(caller, body.election);
    requireRoom(socket);
    const { elections } = this.engine.current;
    const standing = await elections.campaign({ ...body, tenantId: caller.tenantId }, bounds);
    const { electionId, candidateId, grant } = standing;
    const answered = grant && candidateId !== undefined ? { electionId, candidateId, ...grant } : undefined;
    this.follow(socket, caller, standing.session, answered && { ...answered, election: body.election });
    return this.show(caller, standing);
  }

  private async resign({ caller, body, bounds }: CallOf<'resign'>): Promise<object> {
    requireVisible(caller, body.election);
    const { elections } = this.engine.current;
    return showResignation(await elections.resign({ ...body, tenantId: caller.tenantId }, bounds));
  }

  private async stepDown({ caller, body, bounds }: CallOf<'stepDown'>): Promise<object> {
    requireVisible(caller, body.election);
    const { elections } = this.engine.current;
    return this.show(caller, await elections.stepDown({ ...body, tenantId: caller.tenantId }, bounds));
  }

  /** News of the session come to this socket from now on. */
  private follow(
    socket: AttachedSocket,
    caller: Principal,
    session: string,
    answered?: AnsweredTerm,
  ): string {
    const { tokens, view } = this.engine.current;
    const { sessionId } = tokens.parse(session, caller.tenantId);
    // Gone while it was asked for: there is nobody to tell.
    if (socket.isGone) return sessionId;
    socket.sessions.add(sessionId);
    const standsIn = [...view.standing(sessionId).keys()].flatMap(
      (electionId) => view.elections.get(electionId) ?? [],
    );
    this.news.follow(sessionId, socket, standsIn, answered);
    return sessionId;
  }

  private show(caller: Principal, standing: Standing): object {
    const token = standing.grant && this.tokens.issue(caller.tenantId, standing);
    return showStanding(standing, token);
  }
}

function operation<O extends Op>(
  op: O,
  policy: FrameOperation['policy'],
  run: (call: CallOf<O>) => Promise<object>,
): FrameOperation {
  // What the schema of the operation has checked is what its call takes.
  return { schema: frames[op], policy, run };
}

/** @throws IncumbentError limit.quota_exceeded */
function requireRoom({ sessions }: AttachedSocket): void {
  if (sessions.size < MOST_SESSIONS) return;
  throw new IncumbentError(
    'limit.quota_exceeded',
    `A socket carries at most ${MOST_SESSIONS} sessions. One session carries any number of candidacies.`,
    { limit: { name: 'sessionsPerSocket', value: MOST_SESSIONS }, executed: false },
  );
}
