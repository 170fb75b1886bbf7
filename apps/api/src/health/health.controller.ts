import { Controller, Inject } from '@nestjs/common';
import { Drain } from '../http/drain.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { DEPENDENCIES, type Dependencies } from './dependencies.js';
import { getLive, getReady } from './health.operations.js';

@Controller()
export class HealthController {
  constructor(
    @Inject(DEPENDENCIES) private readonly dependencies: Dependencies,
    private readonly drain: Drain,
  ) {}

  @Operation(getLive)
  live() {
    return { status: 'ok' };
  }

  @Operation(getReady)
  ready(@Input(getReady) { reply }: InputOf<typeof getReady>) {
    const { etcd, postgres, redis } = this.dependencies;
    const status = this.drain.isStopping ? 'stopping' : etcd() ? 'ready' : 'unavailable';
    if (status !== 'ready') void reply.code(503);
    return { status, dependencies: { etcd: word(etcd()), postgres: word(postgres()), redis: word(redis()) } };
  }
}

function word(up: boolean): 'up' | 'down' {
  return up ? 'up' : 'down';
}
