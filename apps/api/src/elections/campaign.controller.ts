import { Controller } from '@nestjs/common';
import type { Standing } from '#election';
import { Engine } from '#etcd';
import { requireVisible } from '#tenancy';
import type { FastifyReply } from 'fastify';
import { TokenIssuer } from '../fencing/token-issuer.js';
import type { Call } from '../http/call.js';
import { Drain } from '../http/drain.js';
import { Gate } from '../http/gate.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { RenewalAdvice, tellAdvice } from '../timing/renewal-advice.js';
import { campaign, renew, resign } from './campaign.operations.js';
import { showResignation, showStanding } from './presentation.js';

/** The participant's calls. Nothing on their way waits for Postgres or Redis. */
@Controller()
export class CampaignController {
  constructor(
    private readonly engine: Engine,
    private readonly tokens: TokenIssuer,
    private readonly drain: Drain,
    private readonly advice: RenewalAdvice,
    private readonly gate: Gate,
  ) {}

  @Operation(campaign)
  async campaign(@Input(campaign) { call, reply, params, headers, body }: InputOf<typeof campaign>) {
    requireVisible(call.caller, params.name);
    const { tenantId } = call.caller;
    const idempotencyKey = headers['idempotency-key'];
    const request = { ...body, tenantId, election: params.name, ...(idempotencyKey && { idempotencyKey }) };
    const { elections } = this.engine.current;
    const standing = body.waitMs
      ? await this.held({ call, reply }, (signal) =>
          elections.campaign(request, call.bounds(body.waitMs, signal)),
        )
      : await elections.campaign(request, call.bounds());
    if (standing.state !== 'leader') void reply.code(202);
    return this.answer(call, standing);
  }

  @Operation(renew)
  async renew(@Input(renew) { call, reply, params, body }: InputOf<typeof renew>) {
    requireVisible(call.caller, params.name);
    const request = { ...body, tenantId: call.caller.tenantId, election: params.name };
    const { elections } = this.engine.current;
    const renewal = this.advice.arrived(request.tenantId, call.receivedAtMs, body);
    const standing = body.waitMs
      ? await this.held({ call, reply }, (signal) =>
          elections.renew(request, call.bounds(body.waitMs, signal)),
        )
      : await elections.renew(request, call.bounds());
    const timing = this.advice.answered(renewal, standing, request.tenantId, params.name);
    return Object.assign(this.answer(call, standing), tellAdvice(reply, body, timing));
  }

  @Operation(resign)
  async resign(@Input(resign) { call, params, body }: InputOf<typeof resign>) {
    requireVisible(call.caller, params.name);
    const request = { ...body, tenantId: call.caller.tenantId, election: params.name };
    return showResignation(await this.engine.current.elections.resign(request, call.bounds()));
  }

  private async held(
    { call, reply }: { call: Call; reply: FastifyReply },
    wait: (signal: AbortSignal) => Promise<Standing>,
  ): Promise<Standing> {
    const standing = await this.drain.hold(reply.raw, wait);
    this.gate.requirePresent(call.caller);
    return standing;
  }

  private answer(call: Call, standing: Standing) {
    const token = standing.grant && this.tokens.issue(call.caller.tenantId, standing);
    return showStanding(standing, token);
  }
}
