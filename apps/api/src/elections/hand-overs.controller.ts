import { Controller } from '@nestjs/common';
import type { HandOver, HandOverRequest } from '#election';
import { Engine } from '#etcd';
import { requireVisible } from '#tenancy';
import type { FastifyReply } from 'fastify';
import { TokenIssuer } from '../fencing/token-issuer.js';
import type { Call } from '../http/call.js';
import { Gate } from '../http/gate.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { RateGate } from '../limits/rate-gate.js';
import {
  cancelHandOver,
  depose,
  getHandOver,
  listHandOvers,
  stepDown,
  transfer,
} from './hand-overs.operations.js';
import { showHandOver, showStanding } from './presentation.js';
import { recorded } from './recorded.js';

type Wish = InputOf<typeof depose>['body'] &
  Partial<Pick<InputOf<typeof transfer>['body'], 'to' | 'fallback'>>;

/** How terms end without their leader having died: by its own step-down, or at the wish of an operator. */
@Controller()
export class HandOversController {
  constructor(
    private readonly engine: Engine,
    private readonly tokens: TokenIssuer,
    private readonly gate: Gate,
    private readonly rates: RateGate,
  ) {}

  /**
   * Two callers, told apart by the body: each needs the scope of what it does, only the leader may be suspended, and only
   * the operator is held to the rate of calls.
   */
  @Operation(stepDown)
  async stepDown(@Input(stepDown) { call, reply, params, body }: InputOf<typeof stepDown>) {
    const own = 'session' in body;
    const access = own ? ('elections:campaign' as const) : ('elections:manage' as const);
    this.gate.requireAllowed(call.caller, { access, evenSuspended: own });
    requireVisible(call.caller, params.name);
    if (!own) {
      this.rates.requireRoom(call.caller, reply);
      return await this.request('step_down', { call, reply, election: params.name, wish: body });
    }
    const { tenantId } = call.caller;
    const request = { ...body, tenantId, election: params.name };
    const standing = await this.engine.current.elections.stepDown(request, call.bounds());
    return showStanding(standing, standing.grant && this.tokens.issue(tenantId, standing));
  }

  @Operation(transfer)
  async transfer(@Input(transfer) { call, reply, params, body }: InputOf<typeof transfer>) {
    requireVisible(call.caller, params.name);
    return await this.request('transfer', { call, reply, election: params.name, wish: body });
  }

  @Operation(depose)
  async depose(@Input(depose) { call, reply, params, body }: InputOf<typeof depose>) {
    requireVisible(call.caller, params.name);
    return await this.request('depose', { call, reply, election: params.name, wish: body });
  }

  @Operation(listHandOvers)
  async list(@Input(listHandOvers) { call, params }: InputOf<typeof listHandOvers>) {
    requireVisible(call.caller, params.name);
    const target = { tenantId: call.caller.tenantId, election: params.name };
    const found = await this.engine.current.handOvers.list(target, call.bounds());
    return { data: found.map(showHandOver) };
  }

  @Operation(getHandOver)
  async get(@Input(getHandOver) { call, params }: InputOf<typeof getHandOver>) {
    requireVisible(call.caller, params.name);
    const target = { tenantId: call.caller.tenantId, election: params.name, handOverId: params.id };
    return showHandOver(await this.engine.current.handOvers.get(target, call.bounds()));
  }

  @Operation(cancelHandOver)
  async cancel(@Input(cancelHandOver) { call, params }: InputOf<typeof cancelHandOver>) {
    requireVisible(call.caller, params.name);
    const target = { tenantId: call.caller.tenantId, election: params.name, handOverId: params.id };
    return showHandOver(await this.engine.current.handOvers.cancel(target, recorded(call)));
  }

  private async request(
    kind: HandOver['kind'],
    { call, reply, election, wish }: { call: Call; reply: FastifyReply; election: string; wish: Wish },
  ) {
    const { reason: why, at: dueAt, seat = 0, dryRun, ...wished } = wish;
    const { tenantId } = call.caller;
    const request: HandOverRequest = { ...wished, ...{ tenantId, election, kind, seat, why, dueAt, dryRun } };
    const bounds = { ...recorded(call), changeId: dryRun ? undefined : call.idOnce('hov', String(seat)) };
    const handOver = await this.engine.current.handOvers.request(request, bounds);
    if (dryRun) return { ...showHandOver(handOver), id: undefined, dryRun };
    if (isUnderWay(handOver)) {
      const location = `/v1/elections/${election}/hand-overs/${handOver.handOverId}`;
      void reply.code(202).header('location', location);
    }
    return showHandOver(handOver);
  }
}

function isUnderWay({ state }: HandOver): boolean {
  return state === 'scheduled' || state === 'asked' || state === 'withheld';
}
