import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import { ASSURANCES } from "../../src/core/verdict.ts";
import { type Judgement, judge } from "../../src/policy/judge.ts";
import { VERDICTS } from "../../src/policy/policy.ts";
import { policyOf, subject } from "./stage.ts";
import { fallback, PARAMS, rule, rules, textOf, type Written } from "./written.ts";

function ask(written: readonly Written[], otherwise?: string): Judgement {
  return judge(policyOf(textOf(written, otherwise)), subject({ params: PARAMS }));
}

/** Whether the first judgement asks for at least as much as the second. */
function isAsStrict(one: Judgement, other: Judgement): boolean {
  const rank = VERDICTS.indexOf(one.verdict) - VERDICTS.indexOf(other.verdict);
  if (rank !== 0) return rank > 0;
  const [mine, theirs] = [one.requirements, other.requirements];
  if (one.verdict === "allow") return (one.sample ?? 0) >= (other.sample ?? 0);
  if (one.verdict !== "require_approval" || mine === null || theirs === null) return true;
  return (
    theirs.approvers.every(
      ({ of, quorum }) =>
        (of === null && quorum === 1) ||
        mine.approvers.some((group) => String(group.of) === String(of) && group.quorum >= quorum),
    ) &&
    (theirs.expires_ms === null || (mine.expires_ms ?? Number.POSITIVE_INFINITY) <= theirs.expires_ms) &&
    ASSURANCES.indexOf(mine.min_assurance) >= ASSURANCES.indexOf(theirs.min_assurance) &&
    theirs.checklist.every((box) => mine.checklist.includes(box))
  );
}

describe("for every policy", () => {
  test("a deny that matches, or might, always wins", () => {
    fc.assert(
      fc.property(rules, fallback, (written, otherwise) => {
        const denies = written.some(({ decision, when }) => decision === "deny" && when !== "false");
        const { verdict } = ask(written, otherwise);
        if (denies) expect(verdict).toBe("deny");
        else if (otherwise !== "deny") expect(verdict).not.toBe("deny");
      }),
    );
  });

  test("a rule that does not match changes nothing", () => {
    fc.assert(
      fc.property(rules, rule, fc.nat(), fallback, (written, more, at, otherwise) => {
        const { trace: _, policy: __, rule: before, joined, ...found } = ask(written, otherwise);
        const place = at % (written.length + 1);
        const unrelated: Written = { ...more, when: "false" };
        const longer = [...written.slice(0, place), unrelated, ...written.slice(place)];
        const after = ask(longer, otherwise);
        const named = (id: string) => {
          const index = Number(id.slice(1));
          return `r${index >= place ? index + 1 : index}`;
        };
        expect(after).toMatchObject({
          verdict: found.verdict,
          rule: before === null ? null : named(before),
          joined: joined.map(named),
          requirements: found.requirements,
          constraints: found.constraints,
          sample: found.sample,
        });
      }),
    );
  });

  test("a doubt is never looser than either of the answers it stands between", () => {
    fc.assert(
      fc.property(rules, rule, fc.nat(), fallback, (written, more, at, otherwise) => {
        const place = at % (written.length + 1);
        const as = (when: Written["when"]) =>
          ask([...written.slice(0, place), { ...more, when }, ...written.slice(place)], otherwise);
        const doubtful = as("doubt");
        expect(isAsStrict(doubtful, as("true"))).toBe(true);
        expect(isAsStrict(doubtful, as("false"))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("the order of rules of different priority does not matter", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(rule, { selector: ({ priority }) => priority }),
        fallback,
        (written, otherwise) => {
          const { verdict, requirements } = ask(written, otherwise);
          expect(ask([...written].reverse(), otherwise)).toMatchObject({ verdict, requirements });
        },
      ),
    );
  });
});

describe("for every request", () => {
  const TEXT = `
risk:
  - { level: high, factor: Large, when: "params.amount > 100 || params.items.exists(i, i.price > 10)" }
  - { level: medium, factor: Named, when: 'params.name.matches("^(a+)+$")' }
rules:
  - { id: deny, when: "params.to.country in ['XX'] && params['odd key'] != 1", decision: deny }
  - { id: low, match: { risk: low }, when: "params.a + params.b < params.c * 2", decision: allow }
  - { id: parts, when: "params.name.split(',').all(p, p.size() < 4) && int(params.n) % 7 == 3", decision: allow }
  - { id: time, when: "timestamp(params.at) > now && now.getHours(params.zone) < 8", decision: allow }
  - { id: equal, when: "params == {} || params.list == [1, 2] || params.x == params.y", decision: allow }
`;
  const policy = policyOf(TEXT);
  const names = [
    "amount",
    "items",
    "name",
    "to",
    "a",
    "b",
    "c",
    "n",
    "at",
    "zone",
    "list",
    "x",
    "y",
    "odd key",
  ];
  const params = fc.oneof(
    fc.dictionary(fc.constantFrom(...names), fc.jsonValue()),
    fc.dictionary(fc.string(), fc.jsonValue()),
    fc.dictionary(fc.constantFrom("constructor", "toString", "hasOwnProperty", "then"), fc.jsonValue()),
  ) as fc.Arbitrary<JsonObject>;

  test("judging never throws, and gives the same again", () => {
    fc.assert(
      fc.property(params, fc.string(), (given, requester) => {
        const asked = subject({ params: given, requester });
        const found = judge(policy, asked);
        expect(judge(policy, asked)).toEqual(found);
        expect(found.trace).toHaveLength(5);
        const decisive = found.trace.find(({ rule }) => rule === found.rule);
        if (found.verdict === "allow") expect(decisive?.matched).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("no text makes judging slow", () => {
    const hostile = { name: `${"a".repeat(190_000)}!`, items: [], n: "9".repeat(10_000) };
    expect(judge(policy, subject({ params: hostile })).verdict).toBe("deny");
  }, 3_000);
});
