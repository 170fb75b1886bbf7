import { Controller, Inject } from '@nestjs/common';
import type { Metrics } from '#telemetry';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { METRICS } from './dependencies.js';
import { getMetrics } from './health.operations.js';

/** Mounted only where no METRICS_PORT is set. */
@Controller()
export class MetricsController {
  constructor(@Inject(METRICS) private readonly metrics: Metrics) {}

  @Operation(getMetrics)
  async read(@Input(getMetrics) { reply }: InputOf<typeof getMetrics>): Promise<string> {
    const { contentType, body } = await this.metrics.expose();
    void reply.header('content-type', contentType);
    return body;
  }
}
