import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, FaultProxy, freePorts, waitUntil } from '#testing';
import { failureOf, NeverSent, StatusError } from './failures.js';
import { frame } from './grpc-frame.js';
import { AnswerLate } from './unary-call.js';
import { UnaryChannel } from './unary-channel.js';

const ASK = Buffer.from('a question');
const ANSWER = Buffer.from('an answer');
/** Streams of clients have odd numbers of 31 bits. */
const LAST_STREAM_ID = 2 ** 31 - 1;
const STREAM_CREATED = 'http2.client.stream.created';
const HEAD = { ':status': 200, 'content-type': 'application/grpc' };

/** What the types of Node leave out of a client's connection. */
interface Numbered {
  setNextStreamID(id: number): void;
}

/** A gRPC server that does what a test tells it to. */
class Peer {
  readonly server: Http2Server;
  readonly sessions: ServerHttp2Session[] = [];
  readonly streams: ServerHttp2Stream[] = [];
  readonly paths: string[] = [];
  /** What becomes of a call. */
  onCall: (stream: ServerHttp2Stream) => void = (stream) => answer(stream);

  static async start(port = 0): Promise<Peer> {
    const peer = new Peer();
    await new Promise<void>((resolve) => peer.server.listen(port, '127.0.0.1', resolve));
    return peer;
  }

  private constructor() {
    this.server = createServer();
    this.server.on('session', (session) => {
      this.sessions.push(session);
      session.on('error', () => undefined);
    });
    this.server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      this.streams.push(stream);
      this.paths.push(String(headers[':path']));
      // The whole request is there before anything becomes of it: it may have been executed.
      stream.resume().on('end', () => this.onCall(stream));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function answer(stream: ServerHttp2Stream, message: Buffer = ANSWER): void {
  finish(stream, frame(message), { 'grpc-status': '0' });
}

function finish(stream: ServerHttp2Stream, body: Buffer, trailers: Record<string, string>): void {
  stream.respond(HEAD, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}

/** How a call failed. */
async function failureOfCall(call: Promise<Buffer>): Promise<unknown> {
  return call.then(
    (message) => `it was answered: ${String(message)}`,
    (error: unknown) => error,
  );
}

describe('a unary channel', () => {
  let peer: Peer;
  let channel: UnaryChannel;
  const call = (withinMs = 5_000): Promise<Buffer> => channel.call('KV/Txn', ASK, withinMs);
  const connected = async (): Promise<void> => expect(await channel.ready(5_000)).toBe(true);
  beforeEach(async () => {
    peer = await Peer.start();
    channel = new UnaryChannel(peer.url);
  });
  afterEach(async () => {
    channel.close();
    await peer.stop();
  });

  it('carries many calls over one connection, each with its own answer', async () => {
    peer.onCall = (stream) => answer(stream, Buffer.from(String(peer.streams.indexOf(stream))));
    await connected();
    const answers = await Promise.all(Array.from({ length: 50 }, () => call()));
    expect(answers.map(String).sort()).toEqual(Array.from({ length: 50 }, (_, i) => String(i)).sort());
    expect(peer.sessions).toHaveLength(1);
    expect(new Set(peer.paths)).toEqual(new Set(['/etcdserverpb.KV/Txn']));
  });

  it('takes answers far larger than 4 MB whole', async () => {
    const large = Buffer.alloc(20_000_000, 'x');
    peer.onCall = (stream) => answer(stream, large);
    await connected();
    expect(large.equals(await call())).toBe(true);
  });

  it('tells what the member said of a call that failed', async () => {
    peer.onCall = (stream) => {
      const status = { 'grpc-status': '3', 'grpc-message': 'etcdserver: duplicate key' };
      stream.respond({ ...HEAD, ...status }, { endStream: true });
    };
    await connected();
    const error = await failureOfCall(call());
    expect(error).toBeInstanceOf(StatusError);
    expect(error).toMatchObject({ code: 3, message: '3: etcdserver: duplicate key' });
  });

  it('claims that a call was never sent where the member refused its stream', async () => {
    peer.onCall = (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM);
    await connected();
    expect(await failureOfCall(call())).toBeInstanceOf(NeverSent);
  });

  it('claims nothing of the kind where an answer had begun', async () => {
    peer.onCall = (stream) => {
      stream.respond(HEAD);
      stream.write(frame(ANSWER), () => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    };
    await connected();
    expect(failureOf(await failureOfCall(call())).kind).toBe('unknown');
  });

  it.each([
    ['its stream is reset', (stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['its stream is cancelled', (stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ['the connection breaks', (stream: ServerHttp2Stream) => stream.session?.destroy()],
    [
      'the connection is ended with an error',
      (stream: ServerHttp2Stream) => stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    ],
    [
      'the connection is ended with the error by which streams are refused',
      (stream: ServerHttp2Stream) => stream.session?.goaway(constants.NGHTTP2_REFUSED_STREAM, stream.id),
    ],
    ['the answer lacks a status', (stream: ServerHttp2Stream) => finish(stream, frame(ANSWER), {})],
    [
      'the answer is cut short',
      (stream: ServerHttp2Stream) => finish(stream, frame(ANSWER).subarray(0, 8), { 'grpc-status': '0' }),
    ],
    [
      'somebody answers who does not speak gRPC',
      (stream: ServerHttp2Stream) => {
        stream.respond({ ':status': 502 });
        stream.end('bad gateway');
      },
    ],
  ])('calls the outcome unknown when %s, and serves the next call', async (_, fail) => {
    peer.onCall = fail;
    await connected();
    expect(failureOf(await failureOfCall(call())).kind).toBe('unknown');
    peer.onCall = (stream) => answer(stream);
    await waitUntil(() => channel.ready(1_000), { what: 'a connection' });
    expect(await call()).toEqual(ANSWER);
  });

  it('lets a call that a GOAWAY counts go on to its answer, and makes the next one elsewhere', async () => {
    const open = Promise.withResolvers<ServerHttp2Stream>();
    peer.onCall = open.resolve;
    await connected();
    const first = call();
    const stream = await open.promise;
    stream.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
    peer.onCall = (next) => answer(next, Buffer.from('elsewhere'));
    await waitUntil(async () => (await channel.ready(1_000)) && String(await call()) === 'elsewhere', {
      what: 'a call on another connection',
    });
    expect(peer.sessions).toHaveLength(2);
    answer(stream);
    expect(await first).toEqual(ANSWER);
  });

  it('gives a call up at its deadline, tells the member so, and leaves the connection to those under way', async () => {
    const held: ServerHttp2Stream[] = [];
    peer.onCall = (stream) => held.push(stream);
    await connected();
    const patient = call(10_000);
    const hasty = call(50);
    expect(await failureOfCall(hasty)).toBeInstanceOf(AnswerLate);
    await waitUntil(() => held[1]?.closed, { what: 'the member to hear of it' });
    expect(held[1]?.rstCode).toBe(constants.NGHTTP2_CANCEL);
    // Perhaps nobody is there: new calls do not go where one was not answered.
    peer.onCall = (stream) => answer(stream);
    expect(await channel.ready(5_000)).toBe(true);
    expect(await call()).toEqual(ANSWER);
    expect(peer.sessions).toHaveLength(2);
    if (held[0]) answer(held[0], Buffer.from('late, and in time'));
    expect(String(await patient)).toBe('late, and in time');
    await waitUntil(() => peer.sessions[0]?.destroyed, { what: 'the old connection to end' });
  });

  it('goes on by a new connection when the present one has no ids for streams left', async () => {
    const spend = (message: unknown): void => {
      unsubscribe(STREAM_CREATED, spend);
      (message as { stream: { session: Numbered } }).stream.session.setNextStreamID(LAST_STREAM_ID);
    };
    await connected();
    subscribe(STREAM_CREATED, spend);
    expect(await call()).toEqual(ANSWER);
    await failureOfCall(call());
    expect(failureOf(await failureOfCall(call())).kind).toBe('unknown');
    expect(await channel.ready(5_000)).toBe(true);
    expect(await call()).toEqual(ANSWER);
    expect(peer.sessions).toHaveLength(2);
  });

  it('sends nothing after it was closed, and says so', async () => {
    await connected();
    channel.close();
    expect(await failureOfCall(call())).toBeInstanceOf(NeverSent);
    expect(await channel.ready(1_000)).toBe(false);
  });
});

describe('a unary channel to a member that is away', () => {
  it('says so at once while it pauses between attempts, and is back soon after the member', async () => {
    const [port = 0] = await freePorts(1);
    const channel = new UnaryChannel(`127.0.0.1:${port}`);
    expect(await channel.ready(5_000)).toBe(false);
    expect(channel.ready(5_000)).toBe(false);
    await expect(channel.call('KV/Txn', ASK, 1_000)).rejects.toBeInstanceOf(NeverSent);
    const peer = await Peer.start(port);
    await waitUntil(() => channel.ready(1_000), { what: 'the connection', withinMs: 2_000 });
    expect(await channel.call('KV/Txn', ASK, 1_000)).toEqual(ANSWER);
    channel.close();
    await peer.stop();
  });

  it('does not take a peer that accepts and never speaks for connected', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const channel = new UnaryChannel(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    expect(await channel.ready(100)).toBe(false);
    await expect(channel.call('KV/Txn', ASK, 100)).rejects.toBeInstanceOf(NeverSent);
    channel.close();
    silent.close();
  });

  it('throws for an address that is none', () => {
    expect(() => new UnaryChannel('http://no port:x').ready(100)).toThrow('Invalid URL');
  });
});

/** Frames as they are on the wire: length, type, flags, stream, content. */
const SETTINGS = Buffer.from('000000040000000000', 'hex');
const GOAWAY_AFTER_NO_STREAM = Buffer.from('000008070000000000' + '00000000' + '00000000', 'hex');

describe('a unary channel to a member that goes', () => {
  it('claims that a call was never sent where the GOAWAY leaves it out', async () => {
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => {
      sockets.push(socket.on('error', () => undefined));
      socket.write(SETTINGS);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const channel = new UnaryChannel(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await channel.ready(5_000)).toBe(true);
    sockets[0]?.on('data', (data) => {
      if (data.includes('a question')) sockets[0]?.write(GOAWAY_AFTER_NO_STREAM);
    });
    expect(await failureOfCall(channel.call('KV/Txn', ASK, 5_000))).toBeInstanceOf(NeverSent);
    channel.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});

describe('a connection that only waits', () => {
  it('is asked for a sign of life every 10 s, and replaced when none comes', async () => {
    const peer = await Peer.start();
    const proxy = await FaultProxy.start(peer.url);
    const clock = new FakeClock();
    const channel = new UnaryChannel(proxy.url, clock);
    expect(await channel.ready(5_000)).toBe(true);
    let pings = 0;
    peer.sessions[0]?.on('ping', () => (pings += 1));

    await clock.advance(10_000);
    await waitUntil(() => pings === 1, { what: 'a ping' });
    // What is answered after the ping shows that its answer has come.
    expect(await channel.call('KV/Txn', ASK, 5_000)).toEqual(ANSWER);
    await clock.advance(2_500);
    expect(channel.ready(0)).toBe(true);

    proxy.blackhole();
    await clock.advance(12_500);
    expect(channel.ready(0)).not.toBe(true);
    channel.close();
    await proxy.close();
    await peer.stop();
  });
});
