/** Milliseconds of CLOCK_MONOTONIC: comparable between processes of one machine, unlike `performance.now()`. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
