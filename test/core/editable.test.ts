import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  editableByBoth,
  fixedChange,
  isParamPath,
  mayChange,
  placesOfChange,
  withValue,
} from "../../src/core/editable.ts";
import type { JsonObject } from "../../src/core/json.ts";

const ASKED = { amount: 5, to: { name: "Ada", bank: { iban: "DE1", bic: "X" } }, items: [{ price: 1 }] };

describe("what a person may change", () => {
  test.each<[string, JsonObject, readonly string[], string | null]>([
    ["a param", { ...ASKED, amount: 6 }, ["amount"], null],
    ["a part of a named one", { ...ASKED, to: { ...ASKED.to, name: "Eve" } }, ["to"], null],
    [
      "a named part",
      { ...ASKED, to: { ...ASKED.to, bank: { iban: "DE2", bic: "X" } } },
      ["to.bank.iban"],
      null,
    ],
    [
      "its neighbour",
      { ...ASKED, to: { ...ASKED.to, bank: { iban: "DE1", bic: "Y" } } },
      ["to.bank.iban"],
      "to.bank.bic",
    ],
    ["what it is a part of", { ...ASKED, to: { name: "Ada", bank: null } }, ["to.bank.iban"], "to.bank"],
    ["a part taken away", { ...ASKED, to: { ...ASKED.to, bank: { bic: "X" } } }, ["to.bank.iban"], null],
    ["a param added", { ...ASKED, extra: 1 }, ["amount"], "extra"],
    ["the name as a beginning of another", { ...ASKED, amounts: 1 }, ["amount"], "amounts"],
    ["inside a list", { ...ASKED, items: [{ price: 2 }] }, ["items.0.price", "items.price"], "items"],
    ["a name with a dot of its own", { ...ASKED, "to.name": "Eve" }, ["to.name"], "to.name"],
    ["nothing", ASKED, [], null],
  ])("is told for %s", (_, now, editable, fixed) => {
    expect(fixedChange(ASKED, now, editable)).toBe(fixed);
  });

  test("by two who say so is what both say", () => {
    expect(editableByBoth(["to", "amount"], ["to.name", "memo"])).toEqual(["to.name"]);
    expect(editableByBoth(["to.bank"], ["to.bank", "to.bank.bic"])).toEqual(["to.bank", "to.bank.bic"]);
    const path = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 3 });
    const paths = fc.array(
      path.map((names) => names.join(".")),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(paths, paths, path, (one, other, place) => {
        expect(mayChange(place, editableByBoth(one, other))).toBe(
          mayChange(place, one) && mayChange(place, other),
        );
      }),
    );
  });

  test.each([
    ["amount", true],
    ["to.name", true],
    ["due date", true],
    ["", false],
    [".a", false],
    ["a.", false],
    ["a..b", false],
    ["items[0]", false],
  ])("has %j for a name: %s", (text, is) => expect(isParamPath(text)).toBe(is));
});

describe("a value by its name", () => {
  test.each<[string, JsonObject]>([
    ["amount", { ...ASKED, amount: 9 }],
    ["to.bank.iban", { ...ASKED, to: { name: "Ada", bank: { iban: 9, bic: "X" } } }],
    ["to.new", { ...ASKED, to: { ...ASKED.to, new: 9 } }],
    ["amount.cents", { ...ASKED, "amount.cents": 9 }],
    ["none.at.all", { ...ASKED, "none.at.all": 9 }],
  ])("%s is put where it says", (name, now) => {
    expect(withValue(ASKED, name, 9)).toEqual(now);
    expect(placesOfChange(ASKED, now)).toHaveLength(1);
  });

  test("goes to the name itself where there is one, dots and all, and never to what all maps have", () => {
    expect(withValue({ "a.b": 1, a: { b: 1 } }, "a.b", 2)).toEqual({ "a.b": 2, a: { b: 1 } });
    const odd = withValue({ a: 1 }, "__proto__.polluted", 2);
    expect(Object.keys(odd)).toEqual(["a", "__proto__.polluted"]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
