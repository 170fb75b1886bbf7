import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { frame, statusOf, unframe } from './grpc-frame.js';

describe('a gRPC message on the wire', () => {
  it('comes back as it was, however the network cut it to pieces', () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.nat(300), { maxLength: 5 }),
      (bytes, places) => {
        const body = frame(Buffer.from(bytes));
        const cuts = [0, ...places.map((place) => Math.min(place, body.length)).sort((a, b) => a - b)];
        const chunks = cuts.map((from, index) => body.subarray(from, cuts[index + 1] ?? body.length));
        expect(Buffer.from(bytes).equals(unframe(chunks))).toBe(true);
      },
    );
    fc.assert(property);
  });

  it.each([
    ['ends within its prefix', Buffer.from([0, 0])],
    ['is shorter than it says', Buffer.from([0, 0, 0, 0, 2, 1])],
    ['is followed by more', Buffer.from([0, 0, 0, 0, 0, 1])],
    ['is compressed', Buffer.from([1, 0, 0, 0, 0])],
  ])('is not taken for whole when it %s', (_, body) => {
    expect(() => unframe([body])).toThrow(RangeError);
  });

  it('tells how the call ended in words that anybody can read', () => {
    expect(statusOf({})).toBeUndefined();
    expect(statusOf({ 'grpc-status': '0' })).toEqual({ code: 0, message: '' });
    const escaped = { 'grpc-status': '14', 'grpc-message': 'k%C3%B6nigslos: 100%25' };
    expect(statusOf(escaped)).toEqual({ code: 14, message: 'königslos: 100%' });
    const raw = { 'grpc-status': '14', 'grpc-message': '100%' };
    expect(statusOf(raw)?.message).toBe('100%');
  });
});
