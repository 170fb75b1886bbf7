import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { derivedId } from '#core';
import { CANDIDATE_NAME, ELECTION_NAME, electionRef, keys, parseKey } from './keys.js';

const name = fc.stringMatching(CANDIDATE_NAME);
const ref = electionRef('ten_a', 'billing');

describe('keys', () => {
  it('parse back to what they were built from', () => {
    expect(parseKey(keys.config(ref))).toEqual({ kind: 'config', ref });
    expect(parseKey(keys.head(ref))).toEqual({ kind: 'head', ref });
    expect(parseKey(keys.term(ref, 3))).toEqual({ kind: 'term', ref, seat: 3 });
    expect(parseKey(keys.leader(ref, 0))).toEqual({ kind: 'leader', ref, seat: 0 });
    expect(parseKey(keys.candidate(ref, 'cnd_1'))).toEqual({ kind: 'candidate', ref, candidateId: 'cnd_1' });
    expect(parseKey(keys.event(ref, 2, 17))).toEqual({ kind: 'event', ref, epoch: 2, sequence: 17 });
    expect(parseKey(keys.act('ten_a', 'aud_1'))).toEqual({ kind: 'act', tenantId: 'ten_a', actId: 'aud_1' });
    expect(parseKey(keys.session('ses_abcdef'))).toEqual({ kind: 'session', sessionId: 'ses_abcdef' });
    expect(parseKey(keys.replica('prc_1'))).toEqual({ kind: 'replica', processId: 'prc_1' });
    expect(parseKey(keys.writer('prc_1'))).toEqual({ kind: 'writer', processId: 'prc_1' });
    expect(parseKey(keys.apiKey('key_1'))).toEqual({ kind: 'apiKey', keyId: 'key_1' });
    expect(parseKey(keys.tenant('ten_a'))).toEqual({ kind: 'tenant', tenantId: 'ten_a' });
    expect(parseKey(keys.epoch)).toEqual({ kind: 'epoch' });
  });

  it('parse back every candidate name that the contract allows', () => {
    fc.assert(
      fc.property(name, (candidate) => {
        expect(parseKey(keys.candidateName(ref, candidate))).toEqual({
          kind: 'candidateName',
          ref,
          name: candidate,
        });
      }),
    );
  });

  it('leave what they do not know alone', () => {
    for (const unknown of [
      '',
      'x',
      'e/a',
      'e/a/b/later',
      'e/a/b/x/term',
      'o/a/b/1',
      'o/a/acts/',
      'o/a/acts/b/c',
      'g/guard',
      's/x',
      'zz/1/2',
    ]) {
      expect(parseKey(unknown)).toBeUndefined();
    }
  });

  it('name an election the same way whenever it is asked for, however many others were asked for between', () => {
    const first = electionRef('ten_a', 'billing');
    for (let i = 0; i < 25_000; i += 1) electionRef('ten_b', `other-${i}`);
    expect(electionRef('ten_a', 'billing')).toEqual(first);
    expect(electionRef('ten_a', 'billing')).toEqual({
      tenantId: 'ten_a',
      electionId: derivedId('elc', 'ten_a', 'billing'),
    });
    expect(electionRef('ten_b', 'billing')).not.toEqual(first);
  });

  it('never give two elections a common folder, whatever their names and tenants', () => {
    const contest = fc.tuple(fc.stringMatching(/^ten_[a-z0-9]{1,6}$/), fc.stringMatching(ELECTION_NAME));
    fc.assert(
      fc.property(contest, contest, (one, two) => {
        fc.pre(one.join('/') !== two.join('/'));
        const [a, b] = [keys.election(electionRef(...one)), keys.election(electionRef(...two))];
        expect(a.startsWith(b) || b.startsWith(a)).toBe(false);
      }),
    );
  });

  it('order events by epoch and then by sequence', () => {
    const at = fc.tuple(fc.nat(2 ** 21), fc.nat(2 ** 40));
    fc.assert(
      fc.property(at, at, ([epochA, a], [epochB, b]) => {
        fc.pre(epochA !== epochB || a !== b);
        const byKey = keys.event(ref, epochA, a) < keys.event(ref, epochB, b);
        expect(byKey).toBe(epochA < epochB || (epochA === epochB && a < b));
      }),
    );
  });
});
