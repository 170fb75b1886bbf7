import { Controller } from '@nestjs/common';
import { IncumbentError } from '#core';
import { Engine } from '#etcd';
import { ElectionCatalog, maySeeElection, requireVisible } from '#tenancy';
import { toCursor, toPage } from '../http/fields.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { ManagedCopy } from './managed-copy.js';
import {
  changeElection,
  createElection,
  deleteElection,
  getElection,
  listElections,
} from './management.operations.js';
import { recorded } from './recorded.js';
import { copyOf, settingsOf, showElection } from './settings.js';

/** Elections and their settings. The engine's configuration is the truth; Postgres keeps the managed copy. */
@Controller()
export class ManagementController {
  constructor(
    private readonly engine: Engine,
    private readonly catalog: ElectionCatalog,
    private readonly copy: ManagedCopy,
  ) {}

  /** The quota is counted in Postgres, under a lock that is held while the engine creates. */
  @Operation(createElection)
  async create(@Input(createElection) { call, reply, body }: InputOf<typeof createElection>) {
    const { tenantId } = call.caller;
    const { name } = body;
    if (!maySeeElection(call.caller, name)) throw outsidePrefix(call.caller.electionPrefix);
    const settings = settingsOf(body);
    const { management } = this.engine.current;
    const view = await this.catalog.reserve({ tenantId, name, settings: copyOf(settings) }, (quota) =>
      management.create({ tenantId, election: name }, settings, quota.maxCandidatesPerElection, {
        ...recorded(call),
        changeId: call.idOnce('req'),
      }),
    );
    void reply.headers({ etag: `"${view.version}"`, location: `/v1/elections/${name}` });
    return showElection(view);
  }

  @Operation(listElections)
  list(@Input(listElections) { call, query }: InputOf<typeof listElections>) {
    const { tenantId, electionPrefix } = call.caller;
    const page = { ...toPage(query), ...(electionPrefix !== undefined && { prefix: electionPrefix }) };
    const { data, next } = this.engine.current.management.list(tenantId, page);
    return { data: data.map(showElection), nextCursor: toCursor(next) };
  }

  @Operation(getElection)
  async get(@Input(getElection) { call, reply, params }: InputOf<typeof getElection>) {
    requireVisible(call.caller, params.name);
    const target = { tenantId: call.caller.tenantId, election: params.name };
    const view = await this.engine.current.management.get(target, call.bounds());
    void reply.header('etag', `"${view.version}"`);
    return showElection(view);
  }

  @Operation(changeElection)
  async change(
    @Input(changeElection) { call, reply, params, headers, body }: InputOf<typeof changeElection>,
  ) {
    requireVisible(call.caller, params.name);
    const target = { tenantId: call.caller.tenantId, election: params.name };
    const ifMatch = versionOf(headers['if-match']);
    const view = await this.engine.current.management.change(target, body, recorded(call), ifMatch);
    await this.copy.changed(target.tenantId, view);
    void reply.header('etag', `"${view.version}"`);
    return showElection(view);
  }

  @Operation(deleteElection)
  async remove(@Input(deleteElection) { call, reply, params, headers }: InputOf<typeof deleteElection>) {
    requireVisible(call.caller, params.name);
    const target = { tenantId: call.caller.tenantId, election: params.name };
    const { management } = this.engine.current;
    const ended = await management.remove(target, recorded(call), versionOf(headers['if-match']));
    await this.copy.removed(target.tenantId, target.election);
    if (ended === 'closing') return showElection(await management.get(target, call.bounds()));
    void reply.code(204);
    return undefined;
  }
}

/** `*` matches whatever there is, which is what no condition does. */
function versionOf(ifMatch: string | undefined): string | undefined {
  return ifMatch === undefined || ifMatch === '*' ? undefined : ifMatch.slice(1, -1);
}

function outsidePrefix(prefix: string | undefined): IncumbentError {
  return new IncumbentError(
    'identity.scope_missing',
    `This API key is bound to elections whose name begins with ${prefix}.`,
  );
}
