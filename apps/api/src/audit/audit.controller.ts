import { Controller, type StreamableFile } from '@nestjs/common';
import { AuditCheckpoints, AuditReader } from '#audit';
import { requireWholeTenant } from '#tenancy';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { AuditExport } from './audit-export.js';
import { getAuditCheckpoint, listAuditEvents } from './audit.operations.js';
import { filterOf, pageRequestOf, showAuditPage, showCheckpoint, wantsExport } from './presentation.js';

/** A tenant's own record. The tenant is the calling key's, never one that the request names. */
@Controller()
export class AuditController {
  constructor(
    private readonly reader: AuditReader,
    private readonly checkpoints: AuditCheckpoints,
    private readonly exports: AuditExport,
  ) {}

  @Operation(listAuditEvents)
  async list(
    @Input(listAuditEvents) { call, request, query }: InputOf<typeof listAuditEvents>,
  ): Promise<object | StreamableFile> {
    requireWholeTenant(call.caller);
    const { tenantId } = call.caller;
    if (wantsExport(request, query)) return this.exports.begin(tenantId, filterOf(query), call.caused);
    return showAuditPage(await this.reader.list(tenantId, filterOf(query), pageRequestOf(query)));
  }

  @Operation(getAuditCheckpoint)
  async checkpoint(@Input(getAuditCheckpoint) { call }: InputOf<typeof getAuditCheckpoint>) {
    requireWholeTenant(call.caller);
    return showCheckpoint(await this.checkpoints.current(call.caller.tenantId));
  }
}
