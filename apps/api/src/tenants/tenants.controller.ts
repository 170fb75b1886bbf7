import { Controller, type StreamableFile } from '@nestjs/common';
import { IncumbentError } from '#core';
import type { TenantRecord } from '#election';
import { Engine } from '#etcd';
import { type Tenant, TenantDeletion, TenantService } from '#tenancy';
import type { Call } from '../http/call.js';
import { etagOf, requireMatch, tagged } from '../http/etag.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { countLeaders } from './live-leaders.js';
import { rowsOf, showPage, showTenant } from './presentation.js';
import {
  changeTenant,
  createTenant,
  deleteTenant,
  exportTenant,
  getTenant,
  listTenants,
  restoreTenant,
} from './tenants.operations.js';
import { TenantExportStream } from './tenant-export-stream.js';
import { untilSeen } from './until-seen.js';

/** Tenants, for the operator of the service. */
@Controller()
export class TenantsController {
  constructor(
    private readonly tenants: TenantService,
    private readonly deletion: TenantDeletion,
    private readonly exports: TenantExportStream,
    private readonly engine: Engine,
  ) {}

  @Operation(createTenant)
  async create(@Input(createTenant) { call, reply, body }: InputOf<typeof createTenant>) {
    const tenant = await this.tenants.create({ ...body, id: call.idOnce('ten') }, call.caused);
    await untilSeen(this.engine, (directory) => directory.tenant(tenant.id) !== undefined);
    void reply.header('location', `/admin/v1/tenants/${tenant.id}`);
    return tagged(reply, showTenant(tenant));
  }

  @Operation(listTenants)
  async list(@Input(listTenants) { query }: InputOf<typeof listTenants>) {
    return showPage(
      await this.tenants.list(rowsOf(query), { text: query.search, status: query.status }),
      showTenant,
    );
  }

  @Operation(getTenant)
  async get(@Input(getTenant) { reply, params }: InputOf<typeof getTenant>) {
    return tagged(reply, showTenant(await this.tenants.get(params.id)));
  }

  @Operation(changeTenant)
  async change(@Input(changeTenant) input: InputOf<typeof changeTenant>) {
    const { call, reply, params, headers, body } = input;
    const tenant = await this.tenants.change(params.id, body, call.caused, (now) =>
      requireMatch(headers['if-match'], etagOf(showTenant(now))),
    );
    await untilSeen(this.engine, (directory) => isMirrored(tenant, directory.tenant(tenant.id)));
    return tagged(reply, showTenant(tenant));
  }

  @Operation(deleteTenant)
  async remove(@Input(deleteTenant) { call, params, query }: InputOf<typeof deleteTenant>) {
    if (query.force !== 'true') await this.requireNoLeaders(params.id, call);
    const tenant = await this.deletion.begin(params.id, call.caused);
    await untilSeen(this.engine, (directory) => directory.tenant(params.id)?.status === 'deleted');
    return showTenant(tenant);
  }

  @Operation(restoreTenant)
  async restore(@Input(restoreTenant) { call, params }: InputOf<typeof restoreTenant>) {
    const tenant = await this.deletion.restore(params.id, call.caused);
    await untilSeen(this.engine, (directory) => directory.tenant(params.id)?.status === tenant.status);
    return showTenant(tenant);
  }

  @Operation(exportTenant)
  async export(@Input(exportTenant) { call, params }: InputOf<typeof exportTenant>): Promise<StreamableFile> {
    return this.exports.begin(await this.tenants.get(params.id), call.caused);
  }

  /** @throws IncumbentError tenant.not_found, tenant.has_leaders */
  private async requireNoLeaders(tenantId: string, call: Call): Promise<void> {
    const { status } = await this.tenants.get(tenantId);
    if (status === 'deleting') return;
    const leaders = await countLeaders(this.engine, tenantId, call.bounds());
    if (leaders === 0) return;
    throw new IncumbentError(
      'tenant.has_leaders',
      `Elections of this tenant with a leader: ${leaders}. Let them resign, or send ?force=true: then they are told ` +
        'to yield, and their terms end once their grants are over.',
      { executed: false },
    );
  }
}

/** Whether the mirror says of the tenant what the row does. */
function isMirrored({ status, quota }: Tenant, mirrored: TenantRecord | undefined): boolean {
  if (mirrored?.status !== status) return false;
  const { maxCandidatesPerElection, maxSessions, maxCandidaciesPerSession, maxStreams } = quota;
  const { minTtlMs, requestsPerSecond } = quota;
  const wanted = {
    ...{ maxCandidatesPerElection, maxSessions, maxCandidaciesPerSession },
    ...{ maxStreams, minTtlMs, requestsPerSecond },
  };
  return (Object.keys(wanted) as (keyof typeof wanted)[]).every((name) => mirrored[name] === wanted[name]);
}
