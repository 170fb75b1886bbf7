import { Controller } from '@nestjs/common';
import { DeliveryLog, Redelivery } from '#webhooks';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { rowsOf, showPage, toDate } from '../tenants/presentation.js';
import { getDelivery, listDeliveries, redeliver } from './deliveries.operations.js';
import { viewerOf } from './endpoints.controller.js';
import { showDelivery, showDeliveryDetail } from './presentation.js';

/** What was and is delivered to the endpoints of the calling key's tenant. */
@Controller()
export class WebhookDeliveriesController {
  constructor(
    private readonly deliveries: DeliveryLog,
    private readonly redelivery: Redelivery,
  ) {}

  @Operation(listDeliveries)
  async list(@Input(listDeliveries) { call, query }: InputOf<typeof listDeliveries>) {
    const { endpoint, state, election, from, to } = query;
    const filter = { endpointId: endpoint, state, election, from: toDate(from), to: toDate(to) };
    return showPage(await this.deliveries.list(viewerOf(call.caller), filter, rowsOf(query)), showDelivery);
  }

  @Operation(getDelivery)
  async get(@Input(getDelivery) { call, params }: InputOf<typeof getDelivery>) {
    return showDeliveryDetail(await this.deliveries.get(viewerOf(call.caller), params.id));
  }

  @Operation(redeliver)
  async redeliver(@Input(redeliver) { call, params }: InputOf<typeof redeliver>) {
    const viewer = viewerOf(call.caller);
    const id = await this.redelivery.redeliver(viewer, params.id, call.caused);
    return showDelivery(await this.deliveries.get(viewer, id));
  }
}
