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
  live(@Input(getLive) _input: InputOf<typeof getLive>) {
    return { status: 'ok' };
  }

  @Operation(getReady)
  ready(@Input(getReady) { reply }: InputOf<typeof getReady>) {
    const { dependencies } = this;
    const status = this.drain.isStopping ? 'stopping' : dependencies.etcd() ? 'ready' : 'unavailable';
    if (status !== 'ready') void reply.code(503);
    const [etcd, postgres, redis] = [dependencies.etcd(), dependencies.postgres(), dependencies.redis()].map(
      word,
    );
    return { status, dependencies: { etcd, postgres, redis } };
  }
}

function word(up: boolean): 'up' | 'down' {
  return up ? 'up' : 'down';
}
