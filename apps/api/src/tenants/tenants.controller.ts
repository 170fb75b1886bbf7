import { Controller } from '@nestjs/common';
import { hasCode, systemClock } from '#core';
import { Engine } from '#etcd';
import { TenantService } from '#tenancy';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { rowsOf, showPage, showTenant } from './presentation.js';
import { changeTenant, createTenant, deleteTenant, getTenant, listTenants } from './tenants.operations.js';
import { untilSeen } from './until-seen.js';

/** Elections of a deleted tenant that are closed at the same moment. */
const CLOSED_AT_ONCE = 50;
const CLOSE_WITHIN_MS = 2_000;

/** Tenants, for the operator of the service. */
@Controller()
export class TenantsController {
  constructor(
    private readonly tenants: TenantService,
    private readonly engine: Engine,
  ) {}

  @Operation(createTenant)
  async create(@Input(createTenant) { call, reply, body }: InputOf<typeof createTenant>) {
    const tenant = await this.tenants.create(body, call.caused);
    await untilSeen(this.engine, (directory) => directory.tenant(tenant.id) !== undefined);
    void reply.header('location', `/admin/v1/tenants/${tenant.id}`);
    return showTenant(tenant);
  }

  @Operation(listTenants)
  async list(@Input(listTenants) { query }: InputOf<typeof listTenants>) {
    return showPage(await this.tenants.list(rowsOf(query)), showTenant);
  }

  @Operation(getTenant)
  async get(@Input(getTenant) { params }: InputOf<typeof getTenant>) {
    return showTenant(await this.tenants.get(params.id));
  }

  @Operation(changeTenant)
  async change(@Input(changeTenant) { call, params, body }: InputOf<typeof changeTenant>) {
    const tenant = await this.tenants.change(params.id, body, call.caused);
    await untilSeen(this.engine, (directory) => directory.tenant(tenant.id)?.status === tenant.status);
    return showTenant(tenant);
  }

  @Operation(deleteTenant)
  async remove(@Input(deleteTenant) { call, params }: InputOf<typeof deleteTenant>): Promise<void> {
    await this.tenants.delete(params.id, call.caused);
    await this.closeElections(params.id);
    await untilSeen(this.engine, (directory) => directory.tenant(params.id)?.status !== 'active');
  }

  /** Those that are closing already stay in the list until their grants are over; they are asked once. */
  private async closeElections(tenantId: string): Promise<void> {
    const { management } = this.engine.current;
    let page: { limit: number; after?: string } | undefined = { limit: CLOSED_AT_ONCE };
    while (page !== undefined) {
      const { data, next } = management.list(tenantId, page);
      const receivedAtMs = systemClock.monotonicMs();
      const bounds = { receivedAtMs, deadlineMs: receivedAtMs + CLOSE_WITHIN_MS };
      const close = async ({ name }: { name: string }): Promise<void> => {
        await management.remove({ tenantId, election: name }, bounds).catch(unlessAbsent);
      };
      await Promise.all(data.map(close));
      page = next === undefined ? undefined : { limit: CLOSED_AT_ONCE, after: next };
    }
  }
}

/** Whoever was asked to close it before has done so in the meantime. */
function unlessAbsent(error: unknown): void {
  if (!hasCode(error, 'election.not_found')) throw error;
}
