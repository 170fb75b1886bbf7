import { Controller } from '@nestjs/common';
import { IncumbentError, systemClock } from '#core';
import { Engine } from '#etcd';
import { requireVisible } from '#tenancy';
import type { Call } from '../http/call.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import {
  changeCandidate,
  getCandidate,
  liftQuarantine,
  quarantineCandidate,
} from './candidates.operations.js';
import { showQueued } from './presentation.js';
import { recorded } from './recorded.js';

/** What operators say of single candidates: how much they weigh, and whether they may be elected. */
@Controller()
export class CandidatesController {
  constructor(private readonly engine: Engine) {}

  @Operation(getCandidate)
  async get(@Input(getCandidate) { call, params }: InputOf<typeof getCandidate>) {
    const target = targetOf(call, params);
    return showQueued(await this.engine.current.management.candidate(target, call.bounds()));
  }

  @Operation(changeCandidate)
  async change(@Input(changeCandidate) { call, params, body }: InputOf<typeof changeCandidate>) {
    const target = targetOf(call, params);
    const { priorityExpiresAt } = body;
    if (priorityExpiresAt !== undefined && Date.parse(priorityExpiresAt) <= systemClock.wallTimeMs())
      throw expiredAlready();
    const { management } = this.engine.current;
    await management.appraise(target, body, recorded(call));
    return showQueued(await management.candidate(target, call.bounds()));
  }

  @Operation(quarantineCandidate)
  async quarantine(@Input(quarantineCandidate) { call, params, body }: InputOf<typeof quarantineCandidate>) {
    const target = { ...targetOf(call, params), why: body.reason };
    await this.engine.current.management.holdBack(target, false, recorded(call));
  }

  @Operation(liftQuarantine)
  async lift(@Input(liftQuarantine) { call, params }: InputOf<typeof liftQuarantine>) {
    await this.engine.current.management.holdBack(targetOf(call, params), true, recorded(call));
  }
}

/** @throws IncumbentError election.not_found */
function targetOf(call: Call, { name, candidate }: { name: string; candidate: string }) {
  requireVisible(call.caller, name);
  return { tenantId: call.caller.tenantId, election: name, candidate };
}

function expiredAlready(): IncumbentError {
  const message = 'Must be in the future; leave it out for a priority that stays.';
  return new IncumbentError('request.invalid_body', `priorityExpiresAt: ${message}`, {
    errors: [{ pointer: '/priorityExpiresAt', code: 'past', message }],
  });
}
