/** Refused because a newer leader has already been here. */
export class StaleFence extends Error {
  readonly fence: number;
  readonly highest: number;

  constructor(fence: number, highest: number) {
    super(`Fence ${fence} is refused: ${highest} has been here.`);
    this.name = 'StaleFence';
    this.fence = fence;
    this.highest = highest;
  }
}

/**
 * The resource's side of fencing: keeps the highest fence seen and refuses lower ones.
 *
 * An example, in memory: a real resource stores the number in the same transaction as the write it guards, or a
 * restart of the resource forgets which leaders are deposed.
 */
export class FenceGuard {
  #highest: number;

  constructor(highest = 0) {
    this.#highest = highest;
  }

  get highest(): number {
    return this.#highest;
  }

  /** @throws StaleFence for a fence below the highest seen. */
  accept(fence: number): void {
    if (!Number.isSafeInteger(fence) || fence < this.#highest) throw new StaleFence(fence, this.#highest);
    this.#highest = fence;
  }
}
