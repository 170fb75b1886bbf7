import { Controller } from '@nestjs/common';
import { Engine } from '#etcd';
import { requireVisible } from '#tenancy';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { EventStream } from './event-stream.js';
import { streamEvents } from './events.operations.js';
import { StreamRegistry } from './stream-registry.js';

/** Server-sent events. Written by hand: Nest's own streams would keep the server from closing. */
@Controller()
export class EventsController {
  constructor(
    private readonly engine: Engine,
    private readonly streams: StreamRegistry,
  ) {}

  @Operation(streamEvents)
  async stream(
    @Input(streamEvents) { call, reply, params, query, headers }: InputOf<typeof streamEvents>,
  ): Promise<void> {
    requireVisible(call.caller, params.name);
    const { tenantId } = call.caller;
    const { elections } = this.engine.current;
    const release = this.streams.reserve(tenantId);
    const stream = new EventStream(reply);
    const target = { tenantId, election: params.name };
    try {
      const place = headers['last-event-id'] ?? this.placeAfter(query.afterSequence);
      const stop = await elections.observe(target, place, stream, call.bounds());
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
