import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfiguration } from "../../../src/adapters/configuration/load.ts";
import { Fault } from "../../../src/core/codes.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "countersign-adopt-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const ACTIONS = "actions:\n  payment: { run: [node] }\n  refactor: { caller: true }\n";

async function adoptOf(text: string) {
  const file = join(folder, "countersign.yaml");
  writeFileSync(file, `${ACTIONS}${text}`, { mode: 0o600 });
  return (await loadConfiguration(file, { PATH: dirname(process.execPath) })).adopt;
}

async function messageOf(text: string): Promise<string> {
  try {
    await adoptOf(text);
  } catch (error) {
    if (error instanceof Fault && error.code === "config_invalid") return `${error.message} ${error.hint}`;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

const mapping = (text: string) =>
  `adopt:\n  mappings:\n    - when: { type: pay }\n${text.replaceAll(/^/gm, "      ")}\n`;

describe("adoption is off unless it is asked for", () => {
  test.each(["", "adopt: false\n"])("%j", async (text) => {
    expect(await adoptOf(text)).toBeNull();
  });

  test("true takes all presets, the more particular ones first", async () => {
    const adopt = await adoptOf("adopt: true\n");
    const names = [...new Set(adopt?.mappings.map(({ name }) => name))];
    expect(names).toEqual(
      ["details", "payment", "email", "post", "properties"].map((name) => `the preset ${name}`),
    );
    expect(adopt?.requester).toBe("vault");
  });
});

describe("a configuration of one's own", () => {
  test("names the presets; mappings come before them", async () => {
    const adopt = await adoptOf(
      `adopt:\n  requester: bot\n  presets: [properties, payment]\n  mappings:\n    - when: { action: [pay, wire] }\n      kind: payment\n      params:\n        amount_cents: { from: amount, as: cents }\n        payee: { from: [to, "**Payee**"] }\n        memo: { from: "## Memo", optional: true }\n        currency: { const: EUR }\n      title: { from: summary }\n      expires: { from: [until, expires] }\n      requester: { from: agent }\n`,
    );
    expect(adopt?.requester).toBe("bot");
    expect(adopt?.mappings[0]).toEqual({
      name: "mapping 1",
      when: [{ name: "action", is: ["pay", "wire"] }],
      kind: { first: ["payment"] },
      params: {
        each: {
          amount_cents: { from: ["amount"], as: "cents", optional: false },
          payee: { from: ["to", "**Payee**"], as: "text", optional: false },
          memo: { from: ["## Memo"], as: "text", optional: true },
          currency: { const: "EUR" },
        },
      },
      title: ["summary"],
      expires: ["until", "expires"],
      requester: ["agent"],
    });
    const rest = [...new Set(adopt?.mappings.slice(1).map(({ name }) => name))];
    expect(rest).toEqual(["the preset payment", "the preset properties"]);
  });

  test("may take the kind and all params from the note", async () => {
    const adopt = await adoptOf(mapping("kind: { from: action }\nparams_from: [details, '## Details']"));
    expect(adopt?.mappings[0]).toMatchObject({
      kind: { from: ["action"] },
      params: { whole: ["details", "## Details"] },
    });
  });

  test("may have no presets", async () => {
    expect((await adoptOf("adopt: { presets: [] }\n"))?.mappings).toEqual([]);
  });
});

describe("a wrong one is answered with file, line and what was expected", () => {
  const params = "params: { payee: { from: to } }";
  test.each([
    ["text", "adopt: yes please\n", 4, /adopt is "yes please"; expected true, false, or a map/],
    ["an unknown key", "adopt:\n  preset: [payment]\n", 5, /adopt\.preset is not known; expected one of/],
    ["an unknown preset", "adopt:\n  presets: [pay]\n", 5, /is "pay"; expected one of details, payment/],
    ["a preset twice", "adopt:\n  presets: [payment, payment]\n", 5, /expected a list of different presets/],
    ["a requester that is no name", "adopt: { requester: my agent }\n", 4, /expected a name of letters/],
    ["a mapping without kind", mapping(params), 6, /kind is missing/],
    [
      "an unknown kind",
      mapping(`kind: pay\n${params}`),
      7,
      /kind is "pay"; expected one of payment, refactor/,
    ],
    [
      "a caller's kind",
      mapping(`kind: refactor\n${params}`),
      7,
      /action of its caller's; expected an action/,
    ],
    ["no params", mapping("kind: payment"), 6, /has no params; expected exactly one of/],
    [
      "params twice",
      mapping(`kind: payment\n${params}\nparams_from: details`),
      6,
      /has both params and params_from/,
    ],
    [
      "an unknown conversion",
      mapping("kind: payment\nparams:\n  amount: { from: amount, as: money }"),
      9,
      /as is "money"; expected one of text, integer, number, cents/,
    ],
    [
      "a param from nowhere",
      mapping("kind: payment\nparams:\n  amount: { as: cents }"),
      9,
      /amount is not clear; expected either `from:` or `const:`/,
    ],
    [
      "a constant with a source",
      mapping("kind: payment\nparams:\n  amount: { from: amount, const: 1 }"),
      9,
      /amount is not clear; expected either `from:` or `const:`/,
    ],
    [
      "no condition",
      `adopt:\n  mappings:\n    - { when: {}, kind: payment, ${params} }\n`,
      6,
      /when is a map; expected what must stand/,
    ],
  ])("%s", async (_, text, line, message) => {
    const told = await messageOf(text);
    expect(told).toMatch(message);
    expect(told).toContain(`countersign.yaml:${line}:`);
  });
});
