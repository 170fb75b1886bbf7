import { type DynamicModule, Module } from '@nestjs/common';
import { AuditCheckpoints, AuditReader } from '#audit';
import { Engine } from '#etcd';
import { FencingTokens, KeyRing, KeyRotation } from '#fencing';
import { HistoryReader } from '#history';
import {
  AdminTokenService,
  ApiKeyService,
  ElectionCatalog,
  IdempotentRequests,
  TenantDeletion,
  TenantService,
  UsageReport,
} from '#tenancy';
import { ClusterController } from './admin/cluster.controller.js';
import { ClusterReporter } from './admin/cluster-report.js';
import { SigningKeysController } from './admin/signing-keys.controller.js';
import { DeliveryLog, EndpointControl, EndpointService, Redelivery } from '#webhooks';
import { AdminTokensController } from './admin/admin-tokens.controller.js';
import { AttachedSockets } from './attached/attached-sockets.js';
import { ConnectController } from './attached/connect.controller.js';
import { AdminAuditController } from './audit/admin-audit.controller.js';
import { AuditExport } from './audit/audit-export.js';
import { AuditController } from './audit/audit.controller.js';
import { CampaignController } from './elections/campaign.controller.js';
import { CandidatesController } from './elections/candidates.controller.js';
import { EventsController } from './elections/events.controller.js';
import { HandOversController } from './elections/hand-overs.controller.js';
import { HistoryController } from './elections/history.controller.js';
import { ManagedCopy } from './elections/managed-copy.js';
import { ManagementController } from './elections/management.controller.js';
import { ObserveController } from './elections/observe.controller.js';
import { StreamRegistry } from './elections/stream-registry.js';
import { FencingController } from './fencing/fencing.controller.js';
import { TokenIssuer } from './fencing/token-issuer.js';
import { DEPENDENCIES, METRICS } from './health/dependencies.js';
import { HealthController } from './health/health.controller.js';
import { MetricsController } from './health/metrics.controller.js';
import { Drain } from './http/drain.js';
import { Gate } from './http/gate.js';
import { RateGate } from './limits/rate-gate.js';
import { UsageController } from './limits/usage.controller.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { RoutingController } from './routing/routing.controller.js';
import { RenewalAdvice } from './timing/renewal-advice.js';
import { ApiKeysController } from './tenants/api-keys.controller.js';
import { TenantApiKeysController } from './tenants/tenant-api-keys.controller.js';
import { TenantExportStream } from './tenants/tenant-export-stream.js';
import { TenantsController } from './tenants/tenants.controller.js';
import { WebhookDeliveriesController } from './webhooks/deliveries.controller.js';
import { WebhookEndpointsController } from './webhooks/endpoints.controller.js';
import type { Services } from './services.js';

/** Every controller; the OpenAPI document is made of the same list. */
export const CONTROLLERS = [
  CampaignController,
  ConnectController,
  SessionsController,
  HandOversController,
  CandidatesController,
  ObserveController,
  RoutingController,
  HistoryController,
  EventsController,
  FencingController,
  ManagementController,
  ApiKeysController,
  TenantsController,
  TenantApiKeysController,
  UsageController,
  WebhookEndpointsController,
  WebhookDeliveriesController,
  AuditController,
  AdminTokensController,
  SigningKeysController,
  ClusterController,
  AdminAuditController,
  HealthController,
  MetricsController,
];

/** Wires controllers to services: the only place where the framework learns who needs whom. */
@Module({})
export class AppModule {
  static with(services: Services): DynamicModule {
    const own = services.config.METRICS_PORT !== undefined;
    return {
      module: AppModule,
      controllers: CONTROLLERS.filter((controller) => !own || controller !== MetricsController),
      providers: [
        { provide: Engine, useValue: services.engine },
        { provide: HistoryReader, useValue: services.history },
        { provide: Drain, useValue: services.drain },
        { provide: Gate, useValue: services.edge.gate },
        { provide: RateGate, useValue: services.edge.rates },
        { provide: AttachedSockets, useValue: services.attachedSockets },
        { provide: StreamRegistry, useValue: services.streams },
        { provide: RenewalAdvice, useValue: services.renewalAdvice },
        { provide: TokenIssuer, useValue: services.tokenIssuer },
        { provide: FencingTokens, useValue: services.fencingTokens },
        { provide: KeyRotation, useValue: services.keyRotation },
        { provide: ClusterReporter, useValue: services.clusterReporter },
        { provide: KeyRing, useValue: services.keyRing },
        { provide: AdminTokenService, useValue: services.adminTokens },
        { provide: TenantExportStream, useValue: services.tenantExports },
        { provide: TenantDeletion, useValue: services.tenantDeletion },
        { provide: TenantService, useValue: services.tenants },
        { provide: ApiKeyService, useValue: services.apiKeys },
        { provide: IdempotentRequests, useValue: services.idempotentRequests },
        { provide: UsageReport, useValue: services.usage },
        { provide: ElectionCatalog, useValue: services.catalog },
        { provide: EndpointService, useValue: services.webhookEndpoints },
        { provide: EndpointControl, useValue: services.webhookControl },
        { provide: DeliveryLog, useValue: services.webhookDeliveries },
        { provide: Redelivery, useValue: services.webhookRedelivery },
        { provide: AuditReader, useValue: services.auditReader },
        { provide: AuditCheckpoints, useValue: services.auditCheckpoints },
        { provide: AuditExport, useValue: services.auditExport },
        { provide: ManagedCopy, useValue: services.managedCopy },
        { provide: METRICS, useValue: services.metrics },
        { provide: DEPENDENCIES, useValue: services.dependencies },
      ],
    };
  }
}
