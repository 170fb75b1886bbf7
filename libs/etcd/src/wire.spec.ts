import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WireReader, WireWriter } from './wire.js';

describe('the wire format', () => {
  it('gives back what was written, at any size and with any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('', 'ü'.repeat(70_000)),
    );
    const item = fc.record({ label: text, count: fc.maxSafeNat(), bytes: fc.uint8Array({ maxLength: 200 }) });
    const writer = new WireWriter();
    const property = fc.property(fc.array(item, { maxLength: 20 }), text, (items, prefix) => {
      for (const { label, count, bytes } of items) {
        const start = writer.open(4);
        writer.text(1, prefix, label);
        writer.number(64, count);
        writer.bytes(2, bytes);
        writer.close(start);
      }
      const reader = new WireReader(writer.finish());
      const seen: unknown[] = [];
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        expect(field).toBe(4);
        const outer = reader.enter();
        const one: unknown[] = [];
        for (let inner = reader.field(); inner !== 0; inner = reader.field()) {
          if (inner === 1) one.push(reader.text(Buffer.byteLength(prefix)));
          else if (inner === 64) one.push(reader.number());
          else reader.skip();
        }
        reader.leave(outer);
        seen.push(one);
      }
      const wellFormed = (label: string): string => Buffer.from(label).toString();
      expect(seen).toEqual(items.map(({ label, count }) => [wellFormed(label), count]));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('leaves a nested message from anywhere in it', () => {
    const writer = new WireWriter();
    const start = writer.open(1);
    writer.number(1, 7);
    writer.number(2, 8);
    writer.close(start);
    writer.number(2, 9);
    const reader = new WireReader(writer.finish());
    reader.field();
    const outer = reader.enter();
    reader.leave(outer);
    expect([reader.field(), reader.number(), reader.field()]).toEqual([2, 9, 0]);
  });

  it('fails on a message that was cut off, and does not run past its end', () => {
    const writer = new WireWriter();
    writer.text(1, '', 'some text');
    const whole = writer.finish();
    for (let length = 1; length < whole.length; length += 1) {
      const reader = new WireReader(whole.subarray(0, length));
      expect(() => {
        reader.field();
        reader.text();
      }).toThrow(RangeError);
    }
  });
});
