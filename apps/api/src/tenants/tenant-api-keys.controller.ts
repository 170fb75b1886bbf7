import { Controller } from '@nestjs/common';
import { Engine } from '#etcd';
import { ApiKeyService, TenantService } from '#tenancy';
import { tagged } from '../http/etag.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import {
  createTenantApiKey,
  getTenantApiKey,
  listTenantApiKeys,
  revokeTenantApiKey,
} from './api-keys.operations.js';
import { expiryOf } from './expiry.js';
import { rowsOf, showApiKey, showPage } from './presentation.js';
import { untilSeen } from './until-seen.js';

/** API keys of any tenant, for the operator of the service. */
@Controller()
export class TenantApiKeysController {
  constructor(
    private readonly tenants: TenantService,
    private readonly keys: ApiKeyService,
    private readonly engine: Engine,
  ) {}

  @Operation(createTenantApiKey)
  async create(@Input(createTenantApiKey) { call, params, body }: InputOf<typeof createTenantApiKey>) {
    const grants = { ...body, id: call.idOnce('key'), expiresAt: expiryOf(body) };
    const made = await this.keys.create(params.id, grants, call.caused);
    await untilSeen(this.engine, (directory) => directory.apiKey(made.id) !== undefined);
    return { ...showApiKey(made), key: made.key };
  }

  @Operation(listTenantApiKeys)
  async list(@Input(listTenantApiKeys) { params, query }: InputOf<typeof listTenantApiKeys>) {
    await this.tenants.get(params.id);
    return showPage(await this.keys.list({ tenantId: params.id }, rowsOf(query)), showApiKey);
  }

  @Operation(getTenantApiKey)
  async get(@Input(getTenantApiKey) { reply, params }: InputOf<typeof getTenantApiKey>) {
    return tagged(reply, showApiKey(await this.keys.get({ tenantId: params.id }, params.keyId)));
  }

  @Operation(revokeTenantApiKey)
  async revoke(
    @Input(revokeTenantApiKey) { call, params }: InputOf<typeof revokeTenantApiKey>,
  ): Promise<void> {
    await this.keys.revoke({ tenantId: params.id }, params.keyId, call.caused);
    await untilSeen(this.engine, (directory) => directory.apiKey(params.keyId) === undefined);
  }
}
