import { Controller } from '@nestjs/common';

import { Engine } from '#etcd';
import { type AdminToken, AdminTokenService } from '#tenancy';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { expiryOf } from '../tenants/expiry.js';
import { rowsOf, showPage } from '../tenants/presentation.js';
import { untilSeen } from '../tenants/until-seen.js';
import {
  createAdminToken,
  getAdminToken,
  listAdminTokens,
  revokeAdminToken,
} from './admin-tokens.operations.js';

/** Tokens of the admin API. */
@Controller()
export class AdminTokensController {
  constructor(
    private readonly tokens: AdminTokenService,
    private readonly engine: Engine,
  ) {}

  @Operation(createAdminToken)
  async create(@Input(createAdminToken) { call, reply, body }: InputOf<typeof createAdminToken>) {
    const expiresAt = expiryOf(body);
    const wanted = { name: body.name, role: body.role, expiresAt, id: call.idOnce('adm') };
    const made = await this.tokens.create(wanted, call.caused);
    await untilSeen(this.engine, (directory) => directory.adminToken(made.id) !== undefined);
    void reply.header('location', `/admin/v1/tokens/${made.id}`);
    return { ...show(made), token: made.token };
  }

  @Operation(listAdminTokens)
  async list(@Input(listAdminTokens) { query }: InputOf<typeof listAdminTokens>) {
    return showPage(await this.tokens.list(rowsOf(query)), show);
  }

  @Operation(getAdminToken)
  async get(@Input(getAdminToken) { params }: InputOf<typeof getAdminToken>) {
    return show(await this.tokens.get(params.id));
  }

  @Operation(revokeAdminToken)
  async revoke(@Input(revokeAdminToken) { call, params }: InputOf<typeof revokeAdminToken>): Promise<void> {
    await this.tokens.revoke(params.id, call.caused);
    await untilSeen(this.engine, (directory) => directory.adminToken(params.id) === undefined);
  }
}

function show({ createdAt, expiresAt, ...token }: AdminToken) {
  const { id, name, role, createdBy } = token;
  const times = { createdAt: createdAt.toISOString(), expiresAt: expiresAt?.toISOString() };
  return { id, name, role, createdBy, ...times };
}
