import type { OpenSocket, SocketLike } from '../src/socket-link.js';

export interface SeenFrame {
  readonly host: string;
  readonly op: string;
  readonly fields: Record<string, unknown>;
}

/** What the service does with a frame: answer it, refuse it, or stay silent. */
export type FrameScript = (
  frame: SeenFrame,
) => { readonly body: object } | { readonly problem: object } | 'silent';

/** Sockets to a service that answers frames from a script, refuses hosts, and pushes news. */
export class ScriptedSockets {
  readonly seen: SeenFrame[] = [];
  /** Hosts that open no socket. */
  readonly down = new Set<string>();
  readonly open: { readonly host: string; readonly socket: ScriptedSocket }[] = [];
  script: FrameScript;

  constructor(script: FrameScript) {
    this.script = script;
  }

  readonly connect: OpenSocket = (url, { headers, protocol }) => {
    const { host } = new URL(url);
    if (protocol !== 'incumbent.v1' || headers['authorization'] === undefined)
      throw new Error('no handshake');
    const socket = new ScriptedSocket((text) => this.#answer(host, socket, text));
    const link = { host, socket };
    queueMicrotask(() => {
      if (this.down.has(host)) return socket.drop();
      this.open.push(link);
      socket.onopen?.(undefined as never);
    });
    socket.onGone = () => void this.open.splice(this.open.indexOf(link) >>> 0, 1);
    return socket;
  };

  /** To every socket of the host. */
  push(host: string, news: object): void {
    for (const link of [...this.open]) if (link.host === host) link.socket.say(news);
  }

  /** As a killed replica leaves its sockets, and takes no new ones. */
  kill(host: string): void {
    this.down.add(host);
    for (const link of [...this.open]) if (link.host === host) link.socket.drop();
  }

  asked(op: string): SeenFrame[] {
    return this.seen.filter((frame) => frame.op === op);
  }

  #answer(host: string, socket: ScriptedSocket, text: string): void {
    const { id, op, ...fields } = JSON.parse(text) as { id: number; op: string };
    const frame = { host, op, fields };
    this.seen.push(frame);
    const said = this.script(frame);
    if (said === 'silent') return;
    queueMicrotask(() =>
      socket.say('body' in said ? { id, ok: true, ...said.body } : { id, ok: false, problem: said.problem }),
    );
  }
}

class ScriptedSocket implements SocketLike {
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;
  onGone: () => void = () => undefined;
  readonly send: (text: string) => void;

  constructor(send: (text: string) => void) {
    this.send = send;
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  drop(): void {
    this.onGone();
    this.onclose?.(undefined as never);
  }

  close(): void {
    queueMicrotask(() => this.drop());
  }
}
