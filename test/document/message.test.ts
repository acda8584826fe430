import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { harmless } from "../../src/document/harmless.ts";
import { messageOf, plainText } from "../../src/document/message.ts";
import { HOSTILE, hostileMessage, itemOf } from "../adapters/notify/messages.ts";
import { sampleRequest, sampleSubmission, sampleVerdict } from "../sample.ts";

const wording = { vault: "Ada's (big) Vault & more", trusted: false, to: [] };

describe("a message", () => {
  test("says what a person needs, and how to get to the note", () => {
    const submission = sampleSubmission({}, { verdict: sampleVerdict("require_approval") });
    const message = messageOf("1-x-ops", itemOf(), sampleRequest(["submitted"], submission), wording);
    expect(message.title).toBe("Waits for your decision: Pay ACME GmbH 1,500.00 EUR");
    expect(plainText(message)).toMatchInlineSnapshot(`
      "Next: Once somebody approves, Countersign carries out payment; without a decision it expires.
      Decide by: 2026-11-21T10:14:03Z
      Requester: billing-agent
      Action: payment
      Risk: high; High value payment
      Rule: payments: Payments are watched.

      Open: obsidian://open?vault=Ada%27s%20%28big%29%20Vault%20%26%20more&file=20261121-091403-payment-7f3k9q"
    `);
  });

  test("shows params, what they make happen, and what a handler said, only where that is trusted", () => {
    const failed = sampleRequest(["submitted", "approved", "started", "failed"]);
    const item = itemOf({
      occasion: "failed",
      headline: "Failed",
      said: "account 4711 is empty",
      inner: true,
    });
    for (const request of [sampleRequest(), failed]) {
      const shy = JSON.stringify(messageOf("1-x-ops", item, request, wording));
      expect(shy).not.toMatch(/150000|transfers|4711/);
      const open = JSON.stringify(messageOf("1-x-ops", item, request, { ...wording, trusted: true }));
      expect(open).toMatch(/150000/);
      expect(open).toMatch(/4711/);
    }
  });

  test("keeps the lines of params", () => {
    const message = messageOf("1-x-ops", itemOf(), sampleRequest(), { ...wording, trusted: true });
    expect(message.facts.at(-1)).toEqual({
      label: "Params",
      text: '{\n  "amount_cents": 150000,\n  "payee": "ACME GmbH"\n}',
      block: true,
    });
  });
});

/** What a chat, a phone, a mail program or a terminal would make something of. */
const MEANS_SOMETHING =
  /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2066-\u2069]|<[^ ]|(?<![\p{L}\p{N}.+_-])[@\uff20][^ ]|:\/\/|\]\(|\bwww\.[^ ]|:[a-z+_-][\w+-]*:/iu;

describe("an agent's words", () => {
  test.each(HOSTILE.map((text) => [text.slice(0, 60), text]))("do nothing: %j", (_, text) => {
    const { title, facts, lines } = hostileMessage(text);
    for (const one of [title, ...lines, ...facts.flatMap((fact) => fact.text.split("\n"))]) {
      expect(one).not.toMatch(MEANS_SOMETHING);
    }
  });

  test("do nothing, whatever they are", () => {
    const pieces = fc.constantFrom(
      "<",
      "!",
      "@",
      "#",
      ":",
      "/",
      "//",
      "www.",
      "a",
      "](",
      " ",
      "\u200b",
      "\n",
      "＠",
    );
    const text = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.array(pieces).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(text, (one) => {
        expect(harmless(one)).not.toMatch(MEANS_SOMETHING);
      }),
      { numRuns: 2_000 },
    );
  });

  test("are left as they are where they mean nothing", () => {
    for (const text of [
      "Pay ACME GmbH 1,500.00 EUR",
      "ask ada@example.com at 10:14:03",
      "größer & höher → 5 < 6",
    ]) {
      expect(harmless(text)).toBe(text);
    }
  });
});
