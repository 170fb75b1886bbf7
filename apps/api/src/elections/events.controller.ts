import { Controller } from '@nestjs/common';
import { Engine } from '#etcd';
import { maySeeElection, requireVisible } from '#tenancy';
import { Gate } from '../http/gate.js';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { EventStream } from './event-stream.js';
import { streamEvents, streamTenantEvents } from './events.operations.js';
import { StreamRegistry } from './stream-registry.js';
import { TenantEventStream } from './tenant-event-stream.js';

/** Server-sent events. Written by hand: Nest's own streams would keep the server from closing. */
@Controller()
export class EventsController {
  constructor(
    private readonly engine: Engine,
    private readonly streams: StreamRegistry,
    private readonly gate: Gate,
  ) {}

  @Operation(streamEvents)
  async stream(
    @Input(streamEvents) { call, reply, params, query, headers }: InputOf<typeof streamEvents>,
  ): Promise<void> {
    requireVisible(call.caller, params.name);
    const { tenantId } = call.caller;
    const { elections } = this.engine.current;
    const target = { tenantId, election: params.name };
    const place = headers['last-event-id'] ?? this.placeAfter(query.afterSequence);
    const stream = new EventStream(reply, () => this.gate.stillAdmits(call.caller));
    await this.carry(tenantId, stream, () => elections.observe(target, place, stream, call.bounds()));
  }

  @Operation(streamTenantEvents)
  async streamAll(
    @Input(streamTenantEvents) { call, reply, headers }: InputOf<typeof streamTenantEvents>,
  ): Promise<void> {
    const { caller } = call;
    const { tenantId } = caller;
    const { tenantStreams } = this.engine.current;
    const sees = (election: string): boolean => maySeeElection(caller, election);
    const request = { tenantId, place: headers['last-event-id'], sees };
    const stream = new EventStream(reply, () => this.gate.stillAdmits(call.caller));
    const observer = new TenantEventStream(stream);
    await this.carry(tenantId, stream, () => tenantStreams.observe(request, observer, call.bounds()));
  }

  /** Counts the stream, begins it and lets go of everything when it is over. */
  private async carry(
    tenantId: string,
    stream: EventStream,
    begin: () => Promise<() => void>,
  ): Promise<void> {
    const release = this.streams.reserve(tenantId);
    try {
      const stop = await begin();
      stream.start();
      const forget = this.streams.add(stream);
      stream.whenOver(() => {
        stop();
        forget();
        release();
      });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The place of an event that the caller knows by its number alone: in the epoch of now. */
  private placeAfter(sequence: number | undefined): string | undefined {
    return sequence === undefined ? undefined : `${this.engine.store.epoch().epoch}.${sequence}`;
  }
}
