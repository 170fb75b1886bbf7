import { randomBytes } from 'node:crypto';

/** W3C Trace Context, as far as a service takes part that records no spans of its own. */
export interface TraceContext {
  traceId: string;
  /** What is sent on and back: the caller's trace, with an id of ours for this call. */
  traceparent: string;
}

const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/**
 * Reads a `traceparent` header. One that is not valid is as good as none, as the standard demands: a caller must not
 * fail because something on its way spoils a header that only helps people to look.
 */
export function readTraceparent(header: string | string[] | undefined): TraceContext | undefined {
  if (typeof header !== 'string') return undefined;
  const [, version, traceId, spanId, flags = '00', more] = SHAPE.exec(header) ?? [];
  if (version === undefined || traceId === undefined || version === 'ff') return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  // Only later versions may have more fields; they are read as this one.
  if (version === '00' && more !== undefined) return undefined;
  const sampled = (Number.parseInt(flags, 16) & 1).toString().padStart(2, '0');
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-${sampled}` };
}
