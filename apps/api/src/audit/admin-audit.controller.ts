import { Controller, type StreamableFile } from '@nestjs/common';
import { AuditCheckpoints, AuditReader, PLATFORM_CHAIN } from '#audit';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { AuditExport } from './audit-export.js';
import { getAnyAuditCheckpoint, listAnyAuditEvents } from './audit.operations.js';
import { filterOf, pageRequestOf, showAuditPage, showCheckpoint, wantsExport } from './presentation.js';

/** The record of the platform and of any tenant, also of one that is gone, for the operator of the service. */
@Controller()
export class AdminAuditController {
  constructor(
    private readonly reader: AuditReader,
    private readonly checkpoints: AuditCheckpoints,
    private readonly exports: AuditExport,
  ) {}

  @Operation(listAnyAuditEvents)
  async list(
    @Input(listAnyAuditEvents) { call, request, query }: InputOf<typeof listAnyAuditEvents>,
  ): Promise<object | StreamableFile> {
    const tenantId = query.tenantId ?? PLATFORM_CHAIN;
    if (wantsExport(request, query)) return this.exports.begin(tenantId, filterOf(query), call.caused);
    return showAuditPage(await this.reader.list(tenantId, filterOf(query), pageRequestOf(query)));
  }

  @Operation(getAnyAuditCheckpoint)
  async checkpoint(@Input(getAnyAuditCheckpoint) { query }: InputOf<typeof getAnyAuditCheckpoint>) {
    return showCheckpoint(await this.checkpoints.current(query.tenantId ?? PLATFORM_CHAIN));
  }
}
