/** How to wait: what for (named in the failure), how long at most, and how often to look. */
export interface WaitOptions {
  /** What is awaited, as the failure should say it: "the second replica to answer". */
  what: string;
  withinMs?: number;
  everyMs?: number;
}

/**
 * Looks again and again until `condition` answers something truthy, and returns that.
 *
 * A condition that throws counts as "not yet"; its last error is the cause of the failure. Tests wait with this
 * and never with a sleep.
 * @throws Error when the time is over
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { what, withinMs = 5_000, everyMs = 20 }: WaitOptions,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const endMs = performance.now() + withinMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= endMs) throw new Error(`Waited ${withinMs} ms in vain for ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
