import type { EventRecord, Observation, Observer } from '#election';
import type { FastifyReply } from 'fastify';
import type { Held } from '../http/drain.js';
import { showEvent, showLeadership } from './presentation.js';

/** A reader that lets this much pile up is cut off: it would see the past, and its memory is ours. */
const MOST_UNREAD_BYTES = 256 * 1_024;
/** After a cut, browsers and the SDK come back after this long. */
const RETRY_MS = 1_000;

/** One stream of server-sent events. Headers go out with the first observation: until then it may be refused. */
export class EventStream implements Observer, Held {
  private started = false;

  constructor(
    private readonly reply: FastifyReply,
    /** Whether whoever reads would still be let in: asked before anything is told, and now and then. */
    private readonly mayListen: () => boolean,
  ) {}

  start(): void {
    if (this.started) return;
    this.started = true;
    this.reply.hijack();
    const { raw } = this.reply;
    for (const [name, value] of Object.entries(this.reply.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, value);
    }
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Tells nginx not to buffer, whatever its configuration says.
      'x-accel-buffering': 'no',
    });
    this.send(`retry: ${RETRY_MS}\n\n`);
  }

  /** Runs `run` once the stream is over, however it ended; also when that was before this call. */
  whenOver(run: () => void): void {
    if (this.reply.raw.closed) run();
    else this.reply.raw.once('close', run);
  }

  observe(observation: Observation): void {
    if (observation.kind === 'closed') this.close();
    else this.tell(spell(observation));
  }

  /** Sends one event as it is spelled. */
  tell(text: string): void {
    this.start();
    this.endUnlessWelcome();
    this.send(text);
  }

  /** A key that is revoked, a tenant that is suspended: what they may not ask for they are not told either. */
  endUnlessWelcome(): void {
    if (!this.mayListen()) this.end();
  }

  /** Says that nothing more follows, and ends the stream. */
  close(): void {
    this.tell('event: closed\ndata: {}\n\n');
    this.end();
  }

  /** Comments keep proxies from closing a quiet stream and find out readers that are gone. */
  heartbeat(): void {
    this.send(': heartbeat\n\n');
  }

  end(): void {
    this.reply.raw.end();
  }

  private send(text: string): void {
    const { raw } = this.reply;
    if (raw.writableEnded || raw.destroyed) return;
    raw.write(text);
    if (raw.writableLength > MOST_UNREAD_BYTES) raw.destroy();
  }
}

function spell(observation: Exclude<Observation, { kind: 'closed' }>): string {
  if (observation.kind === 'event') return spellEvent(observation.event, observation.place);
  if (observation.kind === 'gap') return `event: gap\nid: ${observation.place}\ndata: {}\n\n`;
  const data = { ...showLeadership(observation.leadership), state: observation.state };
  return `event: snapshot\nid: ${observation.place}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A thousand streams of one election are told the same record: it is spelled once. */
let lastSpelled: { event: EventRecord; text: string } | undefined;

function spellEvent(event: EventRecord, place: string): string {
  if (lastSpelled?.event !== event) {
    const text = `event: ${event.type}\nid: ${place}\ndata: ${JSON.stringify(showEvent(event))}\n\n`;
    lastSpelled = { event, text };
  }
  return lastSpelled.text;
}
