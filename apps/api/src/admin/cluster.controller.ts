import { Controller } from '@nestjs/common';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { getCluster } from './cluster.operations.js';
import { ClusterReporter } from './cluster-report.js';

@Controller()
export class ClusterController {
  constructor(private readonly reporter: ClusterReporter) {}

  @Operation(getCluster)
  get(@Input(getCluster) { call }: InputOf<typeof getCluster>) {
    // Waits for members that do not answer: its duration says nothing about this replica.
    call.held = true;
    return this.reporter.report();
  }
}
