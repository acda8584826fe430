import type { Occasion } from "../../core/occasion.ts";
import type { Item } from "../../document/message.ts";

/** What is beyond these is only counted: a flood is told in one message, which lists fewer than this. */
const KEPT = 200;

export type Counts = Partial<Record<Occasion, number>>;

/** What a channel has still to tell, in the journal's order and in bounded memory. */
export class Queue {
  #kept: Item[] = [];
  #counts: Counts = {};
  #size = 0;
  #last = 0;

  push(item: Item): void {
    if (this.#kept.length < KEPT) this.#kept.push(item);
    this.#counts[item.occasion] = (this.#counts[item.occasion] ?? 0) + 1;
    this.#size += 1;
    this.#last = item.seq;
  }

  /** Takes the first one out; null when there is none. Only where all are kept. */
  shift(): Item | null {
    const first = this.#kept.shift();
    if (first === undefined) return null;
    this.#counts[first.occasion] = (this.#counts[first.occasion] ?? 1) - 1;
    this.#size -= 1;
    return first;
  }

  get items(): readonly Item[] {
    return this.#kept;
  }

  get counts(): Readonly<Counts> {
    return this.#counts;
  }

  get size(): number {
    return this.#size;
  }

  /** The last one's record, also where it was only counted. */
  get last(): number {
    return this.#last;
  }
}
