import type { IncomingHttpHeaders } from 'node:http2';

/**
 * How gRPC puts one message into the body of an HTTP/2 request or answer: a byte that tells compression, four bytes
 * of length, the message. And how it says in a header how the call ended.
 */
const PREFIX_BYTES = 5;

/** How a call ended, in gRPC's words: 0 is success. */
export interface GrpcStatus {
  code: number;
  message: string;
}

export function frame(message: Buffer): Buffer {
  const body = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  body[0] = 0;
  body.writeUInt32BE(message.length, 1);
  message.copy(body, PREFIX_BYTES);
  return body;
}

/** The message that a body holds. @throws RangeError unless it is one message, whole and not compressed */
export function unframe(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  const body = chunks.length === 1 && only ? only : Buffer.concat(chunks);
  if (body.length < PREFIX_BYTES) throw new RangeError('The answer ends within its prefix.');
  if (body[0] !== 0) throw new RangeError('The answer is compressed, although nobody asked for that.');
  if (body.readUInt32BE(1) !== body.length - PREFIX_BYTES)
    throw new RangeError('The answer is not exactly one message.');
  return body.subarray(PREFIX_BYTES);
}

/** What headers or trailers say of the call's end; undefined where they say nothing. */
export function statusOf(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const code = headers['grpc-status'];
  if (typeof code !== 'string') return undefined;
  const message = headers['grpc-message'];
  return { code: Number(code), message: typeof message === 'string' ? unescaped(message) : '' };
}

/** gRPC percent-encodes what is not printable ASCII; a text that is not well formed is shown as it came. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
