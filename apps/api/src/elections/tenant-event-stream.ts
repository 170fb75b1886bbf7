import type { TenantObservation, TenantObserver } from '#election';
import type { EventStream } from './event-stream.js';
import { showEvent, showLeadership } from './presentation.js';

/** Elections per `snapshot` event: some 30 kB. */
const SHOWN_AT_ONCE = 100;

/** One stream of everything that happens in a tenant's elections, spelled as server-sent events. */
export class TenantEventStream implements TenantObserver {
  constructor(private readonly stream: EventStream) {}

  observe(observation: TenantObservation): void {
    if (observation.kind === 'closed') this.stream.close();
    else for (const text of spell(observation)) this.stream.tell(text);
  }
}

function* spell(observation: Exclude<TenantObservation, { kind: 'closed' }>): Generator<string> {
  if (observation.kind === 'gap') yield 'event: gap\ndata: {}\n\n';
  else if (observation.kind === 'event') {
    const { event, place } = observation;
    yield `event: ${event.type}\nid: ${place}\ndata: ${JSON.stringify(showEvent(event))}\n\n`;
  } else {
    const { elections } = observation;
    for (let from = 0; from === 0 || from < elections.length; from += SHOWN_AT_ONCE) {
      const some = elections.slice(from, from + SHOWN_AT_ONCE);
      const shown = some.map((leadership) => ({ ...showLeadership(leadership), state: leadership.state }));
      const data = { elections: shown, complete: from + SHOWN_AT_ONCE >= elections.length };
      yield `event: snapshot\ndata: ${JSON.stringify(data)}\n\n`;
    }
  }
}
