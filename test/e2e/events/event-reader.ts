import { waitUntil } from '#testing';
import type { Caller } from '../caller.js';

export interface SeenEvent {
  event: string;
  id: string;
  data: Record<string, unknown>;
}

/** Reads a stream of server-sent events as a browser would. */
export class EventReader {
  readonly events: SeenEvent[] = [];
  readonly comments: string[] = [];
  retryMs: number | undefined;
  ended = false;
  private rest = '';

  private constructor(
    readonly status: number,
    readonly headers: Headers,
    private readonly abort: AbortController,
  ) {}

  static async open(caller: Caller, election: string, lastEventId?: string): Promise<EventReader> {
    return EventReader.openAt(caller, `/v1/elections/${election}/events`, lastEventId);
  }

  static async openAt(caller: Caller, path: string, lastEventId?: string): Promise<EventReader> {
    const abort = new AbortController();
    const response = await fetch(`${caller.url}${path}`, {
      headers: { ...caller.headers, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
      signal: abort.signal,
    });
    const reader = new EventReader(response.status, response.headers, abort);
    void reader.read(response.body);
    return reader;
  }

  async until(count: number, withinMs = 5_000): Promise<SeenEvent[]> {
    await waitUntil(() => this.events.length >= count, { what: `${count} events`, withinMs });
    return this.events;
  }

  async untilEnded(withinMs = 5_000): Promise<void> {
    await waitUntil(() => this.ended, { what: 'the end of the stream', withinMs });
  }

  close(): void {
    this.abort.abort();
  }

  private async read(body: ReadableStream<Uint8Array> | null): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body ?? []) this.take(decoder.decode(chunk, { stream: true }));
    } catch {
      // Cut by us or by the service; what matters is that it is over.
    }
    this.ended = true;
  }

  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) this.takeBlock(block.split('\n'));
  }

  private takeBlock(lines: string[]): void {
    const field = (name: string) =>
      lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    this.comments.push(...lines.filter((line) => line.startsWith(':')));
    const retry = field('retry');
    if (retry !== undefined) this.retryMs = Number(retry);
    const event = field('event');
    if (event === undefined) return;
    const data = JSON.parse(field('data') ?? '{}') as Record<string, unknown>;
    this.events.push({ event, id: field('id') ?? '', data });
  }
}
