/** A queue whose front is cheap to take from, look into and give back to. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Puts an item before all others. */
  unshift(item: T): void {
    if (this.#head === 0) this.#items.unshift(item);
    else this.#items[(this.#head -= 1)] = item;
  }

  shift(): T | undefined {
    return this.removeAt(0);
  }

  /** The item at this place from the front. */
  at(place: number): T | undefined {
    return this.#items[this.#head + place];
  }

  /** Takes the item at this place from the front; cheap for small places. */
  removeAt(place: number): T | undefined {
    if (place >= this.length) return undefined;
    const item = this.#items[this.#head + place];
    this.#items.copyWithin(this.#head + 1, this.#head, this.#head + place);
    this.#items[this.#head] = undefined;
    this.#head += 1;
    // Half of the array is used up: move the rest to the front, at a cost that the takes before it have earned.
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Removes and returns every item that `leaves` accepts; keeps the order of the rest. */
  removeWhere(leaves: (item: T) => boolean): T[] {
    const rest = this.#items.slice(this.#head) as T[];
    const left = rest.filter(leaves);
    if (left.length > 0) {
      this.#items = rest.filter((item) => !left.includes(item));
      this.#head = 0;
    }
    return left;
  }
}
