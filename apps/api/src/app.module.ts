import { type DynamicModule, Module } from '@nestjs/common';
import { Engine } from '#etcd';
import { FencingTokens, KeyRing } from '#fencing';
import { AdminTokenService, ApiKeyService, ElectionCatalog, TenantDeletion, TenantService } from '#tenancy';
import { AdminTokensController } from './admin/admin-tokens.controller.js';
import { CampaignController } from './elections/campaign.controller.js';
import { EventsController } from './elections/events.controller.js';
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
import { ApiKeysController } from './tenants/api-keys.controller.js';
import { TenantApiKeysController } from './tenants/tenant-api-keys.controller.js';
import { TenantsController } from './tenants/tenants.controller.js';
import type { Services } from './services.js';

/** Every controller; the OpenAPI document is made of the same list. */
export const CONTROLLERS = [
  CampaignController,
  ObserveController,
  EventsController,
  FencingController,
  ManagementController,
  ApiKeysController,
  TenantsController,
  TenantApiKeysController,
  AdminTokensController,
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
        { provide: Drain, useValue: services.drain },
        { provide: StreamRegistry, useValue: services.streams },
        { provide: TokenIssuer, useValue: services.tokenIssuer },
        { provide: FencingTokens, useValue: services.fencingTokens },
        { provide: KeyRing, useValue: services.keyRing },
        { provide: AdminTokenService, useValue: services.adminTokens },
        { provide: TenantDeletion, useValue: services.tenantDeletion },
        { provide: TenantService, useValue: services.tenants },
        { provide: ApiKeyService, useValue: services.apiKeys },
        { provide: ElectionCatalog, useValue: services.catalog },
        { provide: ManagedCopy, useValue: services.managedCopy },
        { provide: METRICS, useValue: services.metrics },
        { provide: DEPENDENCIES, useValue: services.dependencies },
      ],
    };
  }
}
