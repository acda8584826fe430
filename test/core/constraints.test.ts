import fc from "fast-check";
import { expect, test } from "vitest";
import { type Constraints, stricterOf, tellConstraints } from "../../src/core/constraints.ts";

const names = fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "c", "d")), { nil: undefined });
const constraints: fc.Arbitrary<Constraints | null> = fc.option(
  fc
    .record({
      max_runtime_sec: fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
      network_allowlist: names,
      write_allowlist: names,
    })
    .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))),
);

/** Whether all that the one lets an action do, the other lets it do too. */
function isWithin(one: Constraints | null, other: Constraints | null): boolean {
  const list = (key: "network_allowlist" | "write_allowlist") => {
    const [mine, theirs] = [one?.[key], other?.[key]];
    return theirs === undefined || (mine?.every((name) => theirs.includes(name)) ?? false);
  };
  const runtime = (one?.max_runtime_sec ?? Infinity) <= (other?.max_runtime_sec ?? Infinity);
  return runtime && list("network_allowlist") && list("write_allowlist");
}

test("of two, what comes out lets an action do nothing that one of them does not, in either order", () => {
  fc.assert(
    fc.property(constraints, constraints, (one, other) => {
      const both = stricterOf(one, other);
      expect(isWithin(both, one) && isWithin(both, other)).toBe(true);
      const turned = stricterOf(other, one);
      expect(isWithin(both, turned) && isWithin(turned, both)).toBe(true);
      expect(stricterOf(one, null)).toEqual(one);
    }),
  );
});

test("they are told in words, an empty list as nothing", () => {
  expect(tellConstraints(null)).toEqual([]);
  expect(tellConstraints({ network_allowlist: [], write_allowlist: ["/tmp", "/var/x"] })).toEqual([
    "it reaches nothing on the network",
    "it writes only /tmp, /var/x among files",
  ]);
});
