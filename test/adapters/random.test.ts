import { expect, test } from "vitest";
import { createRandom } from "../../src/adapters/random.ts";

test("gives as many bytes as are asked for, and none of them twice", () => {
  const random = createRandom();
  const given = Array.from({ length: 3_000 }, () => random(6));
  expect(given.every((bytes) => bytes.length === 6)).toBe(true);
  expect(new Set(given.map((bytes) => Buffer.from(bytes).toString("hex"))).size).toBe(given.length);
  const [first, second] = [random(10_000), random(10_000)];
  expect([first.length, second.length, Buffer.compare(first, second) === 0]).toEqual([10_000, 10_000, false]);
});
