import { Controller } from '@nestjs/common';
import { hasCode, IncumbentError, systemClock, toTimestamp } from '#core';
import type { LeaderView } from '#election';
import { Engine } from '#etcd';
import { requireVisible } from '#tenancy';
import type { Call } from '../http/call.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { baseOf, joined, restOf } from './leader-url.js';
import {
  checkLeader,
  checkLeaderHead,
  redirectToLeader,
  redirectToLeaderHead,
} from './routing.operations.js';

/** The way to the leader, for HTTP clients that follow redirects and for load balancers that read a status. */
@Controller()
export class RoutingController {
  constructor(private readonly engine: Engine) {}

  @Operation(redirectToLeader)
  async redirect(@Input(redirectToLeader) input: InputOf<typeof redirectToLeader>): Promise<void> {
    const { call, request, reply, params, headers } = input;
    const rest = restOf(request.url);
    const leaders = await this.leaders(call, params.name, headers['incumbent-seat']).catch(inHeader);
    if (leaders.length === 0) throw vacant(call);
    const bases = leaders.flatMap(({ address }) => baseOf(address) ?? []);
    const base = bases[Math.floor(Math.random() * bases.length)];
    if (!base) throw withoutAddress();
    void reply.header('location', joined(base, rest));
  }

  @Operation(redirectToLeaderHead)
  async redirectHead(@Input(redirectToLeaderHead) input: InputOf<typeof redirectToLeader>): Promise<void> {
    await this.redirect(input);
  }

  @Operation(checkLeader)
  async check(@Input(checkLeader) { call, params, query }: InputOf<typeof checkLeader>) {
    const { candidate } = query;
    const leaders = await this.leaders(call, params.name, query.seat);
    if (leaders.length === 0) throw vacant(call);
    const found = leaders.find(({ name }) => name === candidate);
    if (!found) throw leadsNot(call);
    const { seat, term, fence } = found;
    const serverTime = toTimestamp(systemClock.wallTimeMs());
    return { election: params.name, candidate, seat, term, fence, serverTime };
  }

  @Operation(checkLeaderHead)
  async checkHead(@Input(checkLeaderHead) input: InputOf<typeof checkLeader>): Promise<void> {
    await this.check(input);
  }

  private async leaders(call: Call, election: string, seat: number | undefined): Promise<LeaderView[]> {
    requireVisible(call.caller, election);
    const target = { tenantId: call.caller.tenantId, election, seat };
    return await this.engine.current.elections.leaders(target, call.bounds());
  }
}

/** Here a header names the seat. */
function inHeader(error: unknown): never {
  if (!hasCode(error, 'request.invalid_query')) throw error;
  const [{ code, message } = { code: 'invalid', message: error.message }] = error.extras.errors ?? [];
  throw new IncumbentError('request.invalid_header', `Incumbent-Seat: ${message}`, {
    errors: [{ pointer: 'incumbent-seat', code, message }],
  });
}

/** Load balancers ask all candidates every second, and all but one are answered so: nothing to be warned of. */
function leadsNot(call: Call): IncumbentError {
  call.refusalIsAnswer = true;
  return new IncumbentError('leader.other', 'Send nothing to this candidate while it does not lead.');
}

function vacant(call: Call): IncumbentError {
  call.refusalIsAnswer = true;
  return new IncumbentError('leader.vacant', 'Ask again once the election has a leader.');
}

function withoutAddress(): IncumbentError {
  return new IncumbentError(
    'leader.no_address',
    'Let candidates give an `address` that is an absolute http or https URL, without credentials, query and fragment.',
  );
}
