import { readFileSync } from 'node:fs';

/** What one step of the run came to. */
export interface Tally {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly tookMs: number;
}

/** The part of Jest's report (`--json`) that is summed up. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Files that could not even be loaded. */
  readonly numRuntimeErrorTestSuites: number;
  readonly success: boolean;
}

/** A run that wrote no report, or failed without a failed test (a leak, a crash), counts as one failure. */
export function readTally(name: string, reportFile: string, run: { code: number; tookMs: number }): Tally {
  let report: Report | undefined;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  } catch {
    report = undefined;
  }
  const failed = report ? report.numFailedTests + report.numRuntimeErrorTestSuites : 0;
  const clean = report !== undefined && run.code === 0;
  return {
    name,
    passed: report?.numPassedTests ?? 0,
    failed: clean ? failed : Math.max(1, failed),
    tookMs: run.tookMs,
  };
}

/** Prints what each step came to and, as the last line, the sum. Returns the exit code. */
export function conclude(tallies: readonly Tally[]): number {
  const sum = (field: 'passed' | 'failed') => tallies.reduce((total, tally) => total + tally[field], 0);
  console.log('');
  for (const { name, passed, failed, tookMs } of tallies) {
    const result = failed > 0 ? 'FAILED' : 'ok';
    const tests = passed + failed > 1 ? `${passed} passed, ${failed} failed` : '';
    console.log(
      `  ${name.padEnd(18)} ${result.padEnd(8)} ${`${(tookMs / 1_000).toFixed(1)} s`.padStart(8)}   ${tests}`,
    );
  }
  const failed = sum('failed');
  console.log(`\n${sum('passed')} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
