import { Controller } from '@nestjs/common';
import { Engine } from '#etcd';
import { HistoryReader } from '#history';
import { requireVisible } from '#tenancy';
import { toCursor, toPage } from '../http/fields.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { listHistory } from './history.operations.js';
import { showTerm } from './presentation.js';

/** Who led when. The engine says whether the election exists, Postgres what is recorded of it. */
@Controller()
export class HistoryController {
  constructor(
    private readonly engine: Engine,
    private readonly history: HistoryReader,
  ) {}

  @Operation(listHistory)
  async list(@Input(listHistory) { call, params, query }: InputOf<typeof listHistory>) {
    requireVisible(call.caller, params.name);
    const { tenantId } = call.caller;
    const target = { tenantId, election: params.name };
    const { electionId } = await this.engine.current.management.get(target, call.bounds());
    const page = { ...toPage(query), order: query.order ?? 'newest' };
    const { data, next } = await this.history.terms({ tenantId, electionId }, page);
    return { data: data.map(showTerm), nextCursor: toCursor(next) };
  }
}
