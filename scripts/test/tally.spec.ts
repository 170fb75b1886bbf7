import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '#testing';
import { readTally } from './tally.js';

describe('the tally of a run', () => {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function tallyOf(report: object | undefined, code: number): { passed: number; failed: number } {
    const file = join(folder, 'report.json');
    if (report) writeFileSync(file, JSON.stringify(report));
    const { passed, failed } = readTally('unit', file, { code, tookMs: 0 });
    return { passed, failed };
  }

  it('counts tests, and a file that could not be loaded as one failure', () => {
    const report = { numPassedTests: 5, numFailedTests: 2, numRuntimeErrorTestSuites: 1 };
    expect(tallyOf(report, 1)).toEqual({ passed: 5, failed: 3 });
  });

  it('counts a run that failed without a failed test as one failure', () => {
    expect(tallyOf({ numPassedTests: 5, numFailedTests: 0, numRuntimeErrorTestSuites: 0 }, 1)).toEqual({
      passed: 5,
      failed: 1,
    });
  });

  it('counts a run that left no report as one failure', () => {
    expect(tallyOf(undefined, 137)).toEqual({ passed: 0, failed: 1 });
  });

  it('counts a run without a report as a failure even when it says that all is well', () => {
    expect(tallyOf(undefined, 0)).toEqual({ passed: 0, failed: 1 });
  });
});
