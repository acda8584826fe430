import { randomBytes } from "node:crypto";

const STORE_BYTES = 4_096;

/** Random bytes for what is not secret: a few of them cost the system nearly as much as thousands, so it is asked ahead. */
export function createRandom(): (length: number) => Uint8Array {
  let store = Buffer.alloc(0);
  let taken = 0;
  return (length) => {
    if (taken + length > store.length) {
      store = randomBytes(Math.max(STORE_BYTES, length));
      taken = 0;
    }
    taken += length;
    return store.subarray(taken - length, taken);
  };
}
