import { Controller } from '@nestjs/common';
import { Engine } from '#etcd';
import { ApiKeyService, DEFAULT_SCOPES, requireDelegable } from '#tenancy';
import { tagged } from '../http/etag.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { createApiKey, getApiKey, listApiKeys, revokeApiKey } from './api-keys.operations.js';
import { expiryOf } from './expiry.js';
import { rowsOf, showApiKey, showPage } from './presentation.js';
import { untilSeen } from './until-seen.js';

/** A tenant's own API keys. The tenant is the calling key's, never one that the request names. */
@Controller()
export class ApiKeysController {
  constructor(
    private readonly keys: ApiKeyService,
    private readonly engine: Engine,
  ) {}

  @Operation(createApiKey)
  async create(@Input(createApiKey) { call, body }: InputOf<typeof createApiKey>) {
    const { scopes = DEFAULT_SCOPES, ...more } = body;
    const wanted = { ...more, id: call.idOnce('key'), scopes, expiresAt: expiryOf(body) };
    requireDelegable(call.caller, wanted);
    const made = await this.keys.create(call.caller.tenantId, wanted, call.caused);
    await untilSeen(this.engine, (directory) => directory.apiKey(made.id) !== undefined);
    return { ...showApiKey(made), key: made.key };
  }

  @Operation(listApiKeys)
  async list(@Input(listApiKeys) { call, query }: InputOf<typeof listApiKeys>) {
    return showPage(await this.keys.list(call.caller, rowsOf(query)), showApiKey);
  }

  @Operation(getApiKey)
  async get(@Input(getApiKey) { call, reply, params }: InputOf<typeof getApiKey>) {
    return tagged(reply, showApiKey(await this.keys.get(call.caller, params.id)));
  }

  @Operation(revokeApiKey)
  async revoke(@Input(revokeApiKey) { call, params }: InputOf<typeof revokeApiKey>): Promise<void> {
    await this.keys.revoke(call.caller, params.id, call.caused);
    await untilSeen(this.engine, (directory) => directory.apiKey(params.id) === undefined);
  }
}
