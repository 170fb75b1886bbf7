import { Controller } from '@nestjs/common';
import type { Principal } from '#tenancy';
import {
  DeliveryLog,
  type Endpoint,
  EndpointControl,
  EndpointService,
  Redelivery,
  type Viewer,
} from '#webhooks';
import type { FastifyReply } from 'fastify';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { rowsOf, showPage } from '../tenants/presentation.js';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  enableEndpoint,
  getEndpoint,
  listEndpoints,
  recoverEndpoint,
  rotateSecret,
  testEndpoint,
} from './endpoints.operations.js';
import { showDelivery, showEndpoint } from './presentation.js';

const DAY_MS = 86_400_000;

/** Webhook endpoints of the calling key's tenant. */
@Controller()
export class WebhookEndpointsController {
  constructor(
    private readonly endpoints: EndpointService,
    private readonly control: EndpointControl,
    private readonly deliveries: DeliveryLog,
    private readonly redelivery: Redelivery,
  ) {}

  @Operation(createEndpoint)
  async create(@Input(createEndpoint) { call, reply, body }: InputOf<typeof createEndpoint>) {
    const wanted = { ...defined(body), id: call.idOnce('whe') };
    const { endpoint, secret } = await this.endpoints.create(viewerOf(call.caller), wanted, call.caused);
    void reply.header('location', `/v1/webhook-endpoints/${endpoint.id}`);
    return { ...show(endpoint, reply), secret };
  }

  @Operation(listEndpoints)
  async list(@Input(listEndpoints) { call, query }: InputOf<typeof listEndpoints>) {
    return showPage(await this.endpoints.list(viewerOf(call.caller), rowsOf(query)), showEndpoint);
  }

  @Operation(getEndpoint)
  async get(@Input(getEndpoint) { call, reply, params }: InputOf<typeof getEndpoint>) {
    return show(await this.endpoints.get(viewerOf(call.caller), params.id), reply);
  }

  @Operation(changeEndpoint)
  async change(
    @Input(changeEndpoint) { call, reply, params, headers, body }: InputOf<typeof changeEndpoint>,
  ) {
    const change = { fields: defined(body), ifMatch: versionOf(headers['if-match']) };
    return show(await this.endpoints.change(viewerOf(call.caller), params.id, change, call.caused), reply);
  }

  @Operation(deleteEndpoint)
  async remove(@Input(deleteEndpoint) { call, params, headers }: InputOf<typeof deleteEndpoint>) {
    const condition = { ifMatch: versionOf(headers['if-match']) };
    await this.endpoints.remove(viewerOf(call.caller), params.id, condition, call.caused);
  }

  @Operation(rotateSecret)
  async rotate(@Input(rotateSecret) { call, params, body }: InputOf<typeof rotateSecret>) {
    const rotation = { kind: body.kind ?? ('v1' as const), overlapMs: body.overlapMs ?? DAY_MS };
    const made = await this.control.rotate(viewerOf(call.caller), params.id, rotation, call.caused);
    return { ...made, previousExpiresAt: made.previousExpiresAt.toISOString() };
  }

  @Operation(testEndpoint)
  async test(@Input(testEndpoint) { call, params }: InputOf<typeof testEndpoint>) {
    const viewer = viewerOf(call.caller);
    const { deliveryId } = await this.control.test(viewer, params.id, call.caused);
    return showDelivery(await this.deliveries.get(viewer, deliveryId));
  }

  @Operation(enableEndpoint)
  async enable(@Input(enableEndpoint) { call, reply, params }: InputOf<typeof enableEndpoint>) {
    return show(await this.control.enable(viewerOf(call.caller), params.id, call.caused), reply);
  }

  @Operation(recoverEndpoint)
  recover(@Input(recoverEndpoint) { call, params, body }: InputOf<typeof recoverEndpoint>) {
    const since = new Date(body.since);
    return this.redelivery.recover(viewerOf(call.caller), params.id, since, call.caused);
  }
}

export function viewerOf({ tenantId, electionPrefix }: Principal): Viewer {
  return { tenantId, electionPrefix };
}

function show(endpoint: Endpoint, reply: FastifyReply) {
  void reply.header('etag', `"${endpoint.version}"`);
  return showEndpoint(endpoint);
}

/** `*` matches whatever there is, which is what no condition does. */
function versionOf(ifMatch: string | undefined): string | undefined {
  return ifMatch === undefined || ifMatch === '*' ? undefined : ifMatch.slice(1, -1);
}

/** Without fields that are undefined: a change of a field to undefined is none. */
function defined<T extends object>(fields: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [Name in keyof T]: Exclude<T[Name], undefined> };
}
