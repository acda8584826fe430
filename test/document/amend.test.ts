import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import type { Request } from "../../src/core/request.ts";
import { fold } from "../../src/core/transitions.ts";
import { amend } from "../../src/daemon/amending.ts";
import { amendNote } from "../../src/document/amend.ts";
import { finishNote } from "../../src/document/finish.ts";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { fencedJson } from "../../src/document/visible.ts";
import { sampleEvent, sampleRequest, sampleSubmission } from "../sample.ts";

const PARAMS = {
  amount_cents: 150000,
  payee: "ACME GmbH",
  note: "one line",
  to: { name: "Ada", iban: "DE1" },
  items: [1, 2],
};
const SUBMISSION = sampleSubmission({ params: PARAMS });
const REQUEST = sampleRequest(["submitted"], SUBMISSION);
const NOTE = renderNote(REQUEST);
const EDITABLE = ["amount_cents", "note", "to"];

const read = (text: string, request = REQUEST, dropped: "approve" | null = null) =>
  readNote(Buffer.from(text), request, dropped, EDITABLE);
const withParams = (params: JsonObject, note = NOTE) => note.replace(fencedJson(PARAMS), fencedJson(params));
const tick = (text: string) => text.replace("- [ ] Approve", "- [x] Approve");

/** The request as a person's change leaves it. */
function amended(params: JsonObject, request = REQUEST, by = "ada"): Request {
  const settings = {
    handler: null,
    limits: { grant_ms: 0, execute_by_ms: 0 },
    editable: EDITABLE,
    tags: [],
    shadow: false,
    checkParams: () => [],
  };
  const words = { title: null, next_effect: "transfers {amount_cents} cents to {payee}" };
  const version = amend(request, params, { ...settings, ...words });
  if ("code" in version) throw new Error(version.message);
  const event = { type: "amended", at: sampleEvent("refused").at, ...version, by, via: "note" } as const;
  const next = fold([{ ...event, note_sha256: null }], request);
  if (next === null) throw new Error("unreachable");
  return next;
}

describe("a change of the action in the note", () => {
  test.each([
    ["an editable param", { ...PARAMS, amount_cents: 1 }],
    ["two of them", { ...PARAMS, amount_cents: 1, note: "x" }],
    ["a value inside an editable one", { ...PARAMS, to: { ...PARAMS.to, name: "Eve" } }],
    ["another type, which is for the schema to refuse", { ...PARAMS, amount_cents: "1" }],
  ])("of %s is a proposal, which keeps a tick from counting", (_, params) => {
    const reading = read(tick(withParams(params)));
    expect(reading.proposal).toEqual(params);
    expect(reading.problems).toMatchObject([{ code: "action_proposed" }]);
    expect(reading.verb).toBe("approve");
  });

  test("that leaves an editable param out is a proposal too", () => {
    const { note, ...rest } = PARAMS;
    expect(read(withParams(rest))).toMatchObject({ proposal: rest, problems: [{ code: "action_proposed" }] });
    expect(note).toBe("one line");
  });

  test.each([
    ["indented otherwise", JSON.stringify(PARAMS, null, 8)],
    ["on one line", JSON.stringify(PARAMS)],
    ["in another order", JSON.stringify(Object.fromEntries(Object.entries(PARAMS).reverse()), null, 2)],
    ["with numbers in another form", JSON.stringify(PARAMS, null, 2).replace("150000", "15e4")],
    ["with another escape", JSON.stringify(PARAMS, null, 2).replace("ACME", "\\u0041CME")],
  ])("%s is none", (_, json) => {
    const reading = read(tick(NOTE.replace(fencedJson(PARAMS), `\`\`\`json\n${json}\n\`\`\``)));
    expect(reading).toMatchObject({ proposal: null, problems: [], verb: "approve" });
  });

  test.each([
    ["a param that may not be changed", { ...PARAMS, payee: "Mallory" }, /\*\*payee\*\*.*payee.*may not/],
    [
      "one that may, and one that may not",
      { ...PARAMS, amount_cents: 1, items: [2, 1] },
      /\*\*items\*\* may not/,
    ],
    ["a param that was not there", { ...PARAMS, extra: 1 }, /extra\*\* was not there and is 1 in the note/],
  ])("of %s is no proposal, and is told", (_, params, message) => {
    const reading = read(withParams(params));
    expect(reading.proposal).toBeNull();
    expect(reading.problems).toMatchObject([
      { code: "action_changed", message: expect.stringMatching(message) },
    ]);
  });

  test.each([
    ["the part that may be changed", { ...PARAMS, to: { ...PARAMS.to, name: "Eve" } }, null],
    [
      "another part of the same map",
      { ...PARAMS, to: { name: "Eve", iban: "DE2" } },
      /\*\*to\.iban\*\* may not/,
    ],
    ["the map as a whole", { ...PARAMS, to: "Eve" }, /\*\*to\*\* may not/],
    [
      "the map by a part that was not there",
      { ...PARAMS, to: { ...PARAMS.to, bic: "X" } },
      /bic\*\* may not/,
    ],
  ])("of %s is held to the part that is named", (_, params, fixed) => {
    const reading = readNote(Buffer.from(withParams(params)), REQUEST, null, ["to.name"]);
    expect(reading.proposal).toEqual(fixed === null ? params : null);
    expect(reading.problems).toMatchObject(
      fixed === null
        ? [{ code: "action_proposed" }]
        : [{ code: "action_changed", message: expect.stringMatching(fixed) }],
    );
  });

  test.each([
    [
      "a comma too much",
      fencedJson(PARAMS).replace('"one line",', '"one line",,'),
      /no JSON any more. Line 4/,
    ],
    ["a key twice", fencedJson(PARAMS).replace('"payee"', '"amount_cents": 1, "payee"'), /there twice/],
    ["a list", "```json\n[1]\n```", /holds no params/],
    ["nothing", "", /not there any more/],
    ["a number that no double holds", fencedJson(PARAMS).replace("150000", "9007199254740993"), /outside/],
  ])("to %s is no proposal, and is told", (_, block, message) => {
    const reading = read(NOTE.replace(fencedJson(PARAMS), block));
    expect(reading.proposal).toBeNull();
    expect(reading.problems).toMatchObject([
      { code: "action_changed", message: expect.stringMatching(message) },
    ]);
  });

  test.each([
    ["the digest was changed as well", (text: string) => text.replace(/^digest:.*$/m, "digest: sha256:00")],
    ["a word is half typed", (text: string) => text.replace("decision:", "decision: appr")],
    ["two statements disagree", (text: string) => tick(text).replace("[ ] Reject", "[x] Reject")],
  ])("is no proposal while %s", (_, also) => {
    const reading = read(also(withParams({ ...PARAMS, amount_cents: 1 })));
    expect(reading.proposal).toBeNull();
    expect(reading.problems.length).toBeGreaterThan(1);
  });

  test("is no proposal while what happens was changed as well", () => {
    const text = withParams({ ...PARAMS, amount_cents: 1 }).replace("transfers 150000", "transfers 1");
    const reading = read(text);
    expect(reading).toMatchObject({ proposal: null, problems: [{ code: "action_changed" }] });
    expect(reading.problems[0]?.message).toMatch(/“transfers 150000 .*” stood is now “transfers 1 /);
  });

  test("that lies far inside a long text is told from where it begins", () => {
    const long = (end: string) => ({ ...PARAMS, note: "n".repeat(3_000) + end });
    const request = sampleRequest(["submitted"], sampleSubmission({ params: long("old") }));
    const note = renderNote(request).replace(fencedJson(long("old")), () => fencedJson(long("new")));
    expect(read(note, request).problems[0]?.message).toMatch(/was …n+old" and is …n+new" in the note/);
  });

  test("in a folder that decides is no proposal", () => {
    const reading = read(withParams({ ...PARAMS, amount_cents: 1 }), REQUEST, "approve");
    expect(reading).toMatchObject({ proposal: null, problems: [{ code: "action_changed" }] });
  });

  test("does not keep a no from counting", () => {
    const text = withParams({ ...PARAMS, payee: "Mallory" }).replace("[ ] Reject", "[x] Reject");
    expect(read(text).verb).toBe("reject");
  });

  test("is told with at most five differences, cut and made harmless", () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`p${i}`, i]));
    const request = sampleRequest(["submitted"], sampleSubmission({ params: { ...many, text: "a" } }));
    const evil = { text: `x\u202e${"y".repeat(5_000)}\n> [!success] Approved\n- [x] Approve` };
    const note = renderNote(request);
    const json = fencedJson({ ...many, text: "a" });
    const [found] = readNote(Buffer.from(note.replace(json, () => fencedJson(evil))), request).problems;
    expect(found?.code).toBe("action_changed");
    expect(found?.message.length).toBeLessThan(800);
    expect(found?.message).toMatch(/5 more differ/);
    const other = { ...many, [`\u0000**${"n".repeat(300)}`]: 1, text: "a" };
    const [named] = readNote(Buffer.from(note.replace(json, () => fencedJson(other))), request).problems;
    expect(named?.message.length).toBeLessThan(400);
  });
});

describe("a text of several lines, which is shown once more below the JSON,", () => {
  const params = { amount_cents: 1, note: "first line\nsecond line" };
  const request = sampleRequest(["submitted"], sampleSubmission({ params }));
  const note = renderNote(request);
  const next = { ...params, note: "first line\nthird line" };
  const inJson = note.replace(fencedJson(params), () => fencedJson(next));

  test("may lag behind the JSON", () => {
    expect(readNote(Buffer.from(inJson), request, null, ["note"]).proposal).toEqual(next);
  });

  test("may be changed along with the JSON", () => {
    const both = inJson.replace("first line\nsecond line\n", "first line\nthird line\n");
    expect(readNote(Buffer.from(both), request, null, ["note"]).proposal).toEqual(next);
  });

  test("is no place for a change", () => {
    const below = note.replace("first line\nsecond line\n", "first line\nthird line\n");
    const reading = readNote(Buffer.from(below), request, null, ["note"]);
    expect(reading).toMatchObject({ proposal: null, problems: [{ code: "action_changed" }] });
    expect(reading.problems[0]?.message).toMatch(/what counts is the JSON, which is also the place/);
  });

  test("may not say something else than the JSON", () => {
    const apart = inJson.replace("first line\nsecond line\n", "first line\nfourth line\n");
    const reading = readNote(Buffer.from(apart), request, null, ["note"]);
    expect(reading).toMatchObject({ proposal: null, problems: [{ code: "action_changed" }] });
  });

  test("is brought up to date with it", () => {
    const after = amended(next, request);
    const text = amendNote(inJson, after, { voids: true }) ?? "";
    expect(text).toContain("```text\nfirst line\nthird line\n```");
    expect(text).not.toContain("\nsecond line");
    expect(readNote(Buffer.from(text), after, null, ["note"])).toMatchObject({
      proposal: null,
      problems: [],
    });
  });
});

describe("the note of a changed action", () => {
  const next = { ...PARAMS, amount_cents: 90000 };
  const after = amended(next);

  test("shows what would happen now, what was changed, and no decision; the person's texts stay", () => {
    const edited = tick(withParams(next))
      .replace("decision:", "decision: approved")
      .replace("status: pending", "status: approved")
      .replace("reviewer:", "reviewer: ada")
      .replace("reason:", "reason: 'half of it'\nmine: [a, b] # kept")
      .replace("## Notes\n", "## Notes\n\nasked Eve");
    const text = amendNote(edited, after, { voids: true }) ?? "";
    expect(read(text, after)).toMatchObject({
      verb: null,
      reviewer: "ada",
      reason: "half of it",
      problems: [],
      shown: after.submission.digest,
    });
    expect(text).toMatch(/^decision: ?$/m);
    expect(text).toContain("status: pending");
    expect(text).toContain("mine: [a, b] # kept");
    expect(text).toContain("asked Eve");
    expect(text).toContain("transfers 90000 cents to ACME GmbH");
    expect(text).toContain("> - **amount_cents** was 150000 and is 90000 now.");
    expect(text).toContain("ada changed the action");
    expect(text).not.toContain("- [x]");
    expect(amendNote(text, after, { voids: true })).toBeNull();
  });

  test.each([["\n"], ["\r\n"]])(
    "is brought up to date with line ends %j, and with nobody's words lost",
    (eol) => {
      const lines = (text: string) => text.replaceAll("\n", eol);
      fc.assert(
        fc.property(fc.array(fc.stringMatching(/^[a-zA-Z .:-]{1,20}$/), { maxLength: 5 }), (words) => {
          const edited = lines(`${withParams(next)}\n${words.join("\n")}\n`);
          const text = amendNote(edited, after, { voids: true }) ?? "";
          expect(read(text, after).problems).toEqual([]);
          for (const word of words) expect(text).toContain(word);
          expect(text.split("\n").every((line) => eol === "\n" || line.endsWith("\r") || line === "")).toBe(
            true,
          );
        }),
        { numRuns: 30 },
      );
    },
  );

  test("that shows the former action cannot be approved, whatever is ticked in it", () => {
    for (const text of [
      tick(NOTE),
      tick(withParams(next)),
      NOTE.replace("decision:", "decision: approved"),
    ]) {
      const reading = read(text, after);
      expect(reading.outdated).toBe(true);
      expect(reading.proposal).toBeNull();
      expect(reading.problems).toMatchObject([{ code: "outdated_note" }]);
    }
  });

  test("that shows the former action with a newer change in it keeps that change", () => {
    const newer = { ...PARAMS, amount_cents: 7 };
    const text = amendNote(tick(withParams(newer)), after, { voids: true }) ?? "";
    expect(read(text, after)).toMatchObject({ proposal: newer, verb: null });
  });

  test("that shows the action of nobody is not touched", () => {
    expect(amendNote(NOTE.replace(/^digest:.*$/m, "digest: sha256:00"), after, { voids: true })).toBeNull();
    expect(amendNote(NOTE, REQUEST, { voids: true })).toBeNull();
    expect(amendNote("no properties", after, { voids: true })).toBeNull();
  });

  test("keeps a title of the requester's own apart from what the person made of it", () => {
    expect(after.submission.title).toBe("Changed: Pay ACME GmbH 1,500.00 EUR");
    const again = amended({ ...PARAMS, amount_cents: 5 }, after);
    expect(again.submission.title).toBe("Changed: Pay ACME GmbH 1,500.00 EUR");
  });

  test("tells a name and values so that they stay inside their line", () => {
    const evil = "x\n- [x] Approve `[[y]]`";
    const request = amended({ ...PARAMS, note: evil }, REQUEST, evil);
    const note = renderNote(request);
    expect(read(note, request)).toMatchObject({ verb: null, problems: [] });
    expect(read(`${note} `, request)).toMatchObject({ verb: null, problems: [] });
  });

  test("is finished with the action that ran, also where the note never came to show it", () => {
    const approved = { ...sampleEvent("approved"), type: "approved" } as const;
    if (approved.type !== "approved") return;
    const decision = { ...(approved as { decision: object }).decision, digest: after.submission.digest };
    const events = [
      { ...sampleEvent("approved"), decision } as ReturnType<typeof sampleEvent>,
      sampleEvent("started"),
      sampleEvent("executed"),
    ];
    const done = fold(events, after);
    if (done?.status !== "executed") throw new Error("not executed");
    for (const from of [NOTE, tick(withParams(next)), null]) {
      const { text } = finishNote(from, done);
      expect(text).toContain(`digest: ${after.submission.digest}`);
      expect(text).toContain('"amount_cents": 90000');
      expect(text).toContain("transfers 90000 cents to ACME GmbH");
      expect(text).toMatch(/amended by ada: amount\\?_cents was 150000 and is 90000 now/);
    }
  });
});
