import { Controller } from '@nestjs/common';
import { TenantService, UsageReport } from '#tenancy';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { rowsOf } from '../tenants/presentation.js';
import { getTenantUsage, getUsage, listUsage } from './usage.operations.js';

/** What is used of quotas: by a tenant for itself, by the operator for any. */
@Controller()
export class UsageController {
  constructor(
    private readonly tenants: TenantService,
    private readonly usage: UsageReport,
  ) {}

  @Operation(getUsage)
  own(@Input(getUsage) { call }: InputOf<typeof getUsage>) {
    return this.usage.own(call.caller.tenantId);
  }

  @Operation(listUsage)
  async list(@Input(listUsage) { query }: InputOf<typeof listUsage>) {
    const { data, nextCursor = null } = await this.tenants.list(rowsOf(query));
    return { data: await this.usage.ofAll(data.map(({ id }) => id)), nextCursor };
  }

  @Operation(getTenantUsage)
  one(@Input(getTenantUsage) { params }: InputOf<typeof getTenantUsage>) {
    return this.usage.of(params.id);
  }
}
