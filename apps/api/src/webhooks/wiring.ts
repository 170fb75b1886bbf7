import type { Config } from '#config';
import { systemClock } from '#core';
import type { ActLog, Database } from '#postgres';
import { reserveRoom } from '#tenancy';
import {
  DeliveryLog,
  EndpointControl,
  EndpointSeal,
  EndpointService,
  type EndpointWaker,
  nameResolver,
  Redelivery,
  UrlCheck,
} from '#webhooks';

interface WebhookParts {
  acts: ActLog;
  database: Database;
  waker: EndpointWaker;
}

/** What manages webhook endpoints and what is owed to them; the worker delivers. */
export function createWebhooks(config: Config, { acts, database, waker }: WebhookParts) {
  const rules = { allowHttp: config.WEBHOOK_ALLOW_HTTP, allowedCidrs: config.WEBHOOK_ALLOWED_CIDRS };
  const parts = {
    acts,
    database,
    seal: new EndpointSeal(config.MASTER_KEY),
    urls: new UrlCheck(rules, nameResolver(rules.allowedCidrs.length > 0), systemClock),
    clock: systemClock,
  };
  return {
    webhookEndpoints: new EndpointService(parts, (rows, tenantId, used) =>
      reserveRoom(rows, { tenantId, quota: 'maxWebhookEndpoints' }, used),
    ),
    webhookControl: new EndpointControl(parts, waker),
    webhookDeliveries: new DeliveryLog(database),
    webhookRedelivery: new Redelivery({ database, acts, waker, clock: systemClock }),
  };
}
