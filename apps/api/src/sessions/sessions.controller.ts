import { Controller } from '@nestjs/common';
import { Engine } from '#etcd';
import { maySeeElection } from '#tenancy';
import { TokenIssuer } from '../fencing/token-issuer.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { RenewalAdvice, tellAdvice } from '../timing/renewal-advice.js';
import { showEnded, showRenewed, showSession } from './presentation.js';
import { end, open, renewAll } from './sessions.operations.js';

/** The calls on sessions that stand in many elections. Nothing on their way waits for Postgres or Redis. */
@Controller()
export class SessionsController {
  constructor(
    private readonly engine: Engine,
    private readonly tokens: TokenIssuer,
    private readonly advice: RenewalAdvice,
  ) {}

  @Operation(open)
  async open(@Input(open) { call, headers, body }: InputOf<typeof open>) {
    const idempotencyKey = headers['idempotency-key'];
    const request = { ...body, tenantId: call.caller.tenantId, ...(idempotencyKey && { idempotencyKey }) };
    return showSession(await this.engine.current.sessions.open(request, call.bounds()));
  }

  @Operation(renewAll)
  async renew(@Input(renewAll) { call, reply, body }: InputOf<typeof renewAll>) {
    const { caller } = call;
    const { tenantId } = caller;
    const { sessions } = this.engine.current;
    const sees = (election: string): boolean => maySeeElection(caller, election);
    const renewal = this.advice.arrived(tenantId, call.receivedAtMs, body);
    const renewed = await sessions.renew({ ...body, tenantId }, call.bounds(), sees);
    const timing = this.advice.answered(renewal, renewed, tenantId);
    const tokens = renewed.terms.map((led) => led.grant && this.tokens.issue(tenantId, led));
    return Object.assign(showRenewed(renewed, tokens), tellAdvice(reply, body, timing));
  }

  @Operation(end)
  async end(@Input(end) { call, body }: InputOf<typeof end>) {
    await this.engine.current.sessions.end({ ...body, tenantId: call.caller.tenantId }, call.bounds());
    return showEnded();
  }
}
