import { Controller } from '@nestjs/common';
import { Engine } from '#etcd';
import { requireVisible } from '#tenancy';
import { Drain } from '../http/drain.js';
import { toCursor, toPage } from '../http/fields.js';
import { Gate } from '../http/gate.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { getLeader, getStatus, listCandidates } from './observe.operations.js';
import { showLeadership, showQueued, showStatus } from './presentation.js';

/** What may be known of an election without standing in it. */
@Controller()
export class ObserveController {
  constructor(
    private readonly engine: Engine,
    private readonly drain: Drain,
    private readonly gate: Gate,
  ) {}

  @Operation(getLeader)
  async leader(@Input(getLeader) { call, reply, params, query }: InputOf<typeof getLeader>) {
    requireVisible(call.caller, params.name);
    const { seat, waitMs = 0, afterSequence } = query;
    const target = { tenantId: call.caller.tenantId, election: params.name, seat };
    const { elections } = this.engine.current;
    if (waitMs === 0) return showLeadership(await elections.leader(target, call.bounds()));
    const wait = afterSequence === undefined ? { waitMs } : { waitMs, afterSequence };
    const held = await this.drain.hold(reply.raw, (signal) =>
      elections.leader(target, call.bounds(waitMs, signal), wait),
    );
    this.gate.requirePresent(call.caller);
    return showLeadership(held);
  }

  @Operation(getStatus)
  async status(@Input(getStatus) { call, params }: InputOf<typeof getStatus>) {
    requireVisible(call.caller, params.name);
    const target = { tenantId: call.caller.tenantId, election: params.name };
    return showStatus(await this.engine.current.management.status(target, call.bounds()));
  }

  @Operation(listCandidates)
  async candidates(@Input(listCandidates) { call, params, query }: InputOf<typeof listCandidates>) {
    requireVisible(call.caller, params.name);
    const target = { tenantId: call.caller.tenantId, election: params.name };
    const { data, next } = await this.engine.current.management.candidates(
      target,
      call.bounds(),
      toPage(query),
    );
    return { data: data.map(showQueued), nextCursor: toCursor(next) };
  }
}
