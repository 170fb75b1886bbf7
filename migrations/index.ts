/** Every migration, oldest first. Append only: what has run somewhere is never edited. */
import { CreateTenancy1795230000000 } from './1795230000000-create-tenancy.js';
import { CreateFencing1795230060000 } from './1795230060000-create-fencing.js';
import { SeparateRoles1795240000000 } from './1795240000000-separate-roles.js';
import { CreateHistory1795240060000 } from './1795240060000-create-history.js';
import { CreateAudit1795240120000 } from './1795240120000-create-audit.js';
import { CreateWebhooks1795240180000 } from './1795240180000-create-webhooks.js';
import { CreatePlans1795240240000 } from './1795240240000-create-plans.js';
import { CreateAdmin1795240300000 } from './1795240300000-create-admin.js';
import { LimitCandidacies1795250000000 } from './1795250000000-limit-candidacies.js';
import { TellHandOvers1795250060000 } from './1795250060000-tell-hand-overs.js';

export const MIGRATIONS = [
  CreateTenancy1795230000000,
  CreateFencing1795230060000,
  SeparateRoles1795240000000,
  CreateHistory1795240060000,
  CreateAudit1795240120000,
  CreateWebhooks1795240180000,
  CreatePlans1795240240000,
  CreateAdmin1795240300000,
  LimitCandidacies1795250000000,
  TellHandOvers1795250060000,
];
