import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Request } from "../../src/core/request.ts";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";

const REQUEST = sampleRequest();
const NOTE = renderNote(REQUEST);

function read(text: string | Uint8Array, request: Request = REQUEST) {
  return readNote(typeof text === "string" ? Buffer.from(text) : text, request);
}

const decide = (line: string) => NOTE.replace("decision:", line);
const tick = (box: string) => NOTE.replace(`- [ ] ${box}`, `- [x] ${box}`);

describe("a note that nobody touched", () => {
  test("says nothing, also when it is parsed", () => {
    expect(read(NOTE)).toMatchObject({ verb: null, problems: [], half_typed: false });
    expect(read(`${NOTE} `)).toMatchObject({ verb: null, problems: [], half_typed: false });
  });
});

describe("a statement", () => {
  test.each([
    ["decision", decide("decision: approved")],
    ["status", NOTE.replace("status: pending", "status: approved")],
    ["box", tick("Approve")],
  ])("is told where it stands: %s", (via, text) => {
    expect(read(text)).toMatchObject({ verb: "approve", via, problems: [] });
  });

  test.each([
    ["decision", decide("decision:approved"), 3],
    ["decision", decide("decision:rejected"), 3],
    ["decision", decide("decision:rejected").replaceAll("\n", "\r\n"), 3],
    ["reason", NOTE.replace("reason:", "reason:too much"), 5],
  ])("without a space behind the name is none, and told so: %s", (name, text, line) => {
    const message = `There is no space behind \`${name}:\`.`;
    expect(read(text)).toMatchObject({
      verb: null,
      problems: [{ code: "frontmatter_invalid", line, message }],
    });
  });

  test("in another line that is no YAML is none, and its line is told", () => {
    const { problems } = read(NOTE.replace("reason:", "reason: [too: much"));
    expect(problems[0]).toMatchObject({
      code: "frontmatter_invalid",
      message: "The properties are not valid YAML.",
    });
  });

  test("that differs from another one is a conflict, which names both and their lines", () => {
    const text = decide("decision: approved").replace("- [ ] Reject", "- [x] Reject");
    expect(read(text)).toMatchObject({
      verb: null,
      problems: [
        {
          code: "conflict",
          message: "The note says approved (**decision**, line 3) and rejected (box, line 21).",
        },
      ],
    });
  });

  test("by the folder that a note was dragged to is one like any other", () => {
    expect(readNote(Buffer.from(NOTE), REQUEST, "reject")).toMatchObject({ verb: "reject", via: "folder" });
    const codes = readNote(Buffer.from(tick("Approve")), REQUEST, "reject").problems.map(({ code }) => code);
    expect(codes).toEqual(["conflict"]);
  });
});

describe("what was shown", () => {
  test.each([
    ["the action's parameters", NOTE.replace(": 150000", ": 15"), "action_changed"],
    ["what happens next", NOTE.replace("transfers 150000", "transfers 15"), "action_changed"],
    ["a section that is gone", NOTE.replace("## Action", "## Aktion"), "action_changed"],
    ["the title", NOTE.replace("1,500.00", "1.00"), "changed_key"],
    ["the digest", NOTE.replace("digest: sha256:", "digest: sha256:00"), "changed_key"],
    ["the id of another request", NOTE.replace("7f3k9q\n", "8g4m2r\n"), "changed_key"],
    ["a property that is gone", NOTE.replace(/^digest: .*\n/m, ""), "missing_key"],
  ])("%s changed keeps an approval from counting, and not a rejection", (_, text, code) => {
    const approved = read(text.replace("decision:", "decision: approved"));
    expect(approved).toMatchObject({ verb: "approve", problems: [{ code }] });
    const rejected = read(text.replace("decision:", "decision: rejected"));
    expect(rejected.verb).toBe("reject");
  });

  test("survives what Obsidian and formatters do to a note", () => {
    const reworked = decide("decision: approved")
      .replace(/title: "(.*)"/, "title: $1")
      .replace("\n---\n", "\nupdated: 2026-11-21T10:00:00\ntags:\n  - money\n---\n\n")
      .replace('  "payee"', '    "payee"');
    expect(read(reworked)).toMatchObject({ verb: "approve", problems: [] });
  });
});

describe("property tests", () => {
  test("no text makes the reader throw, and random text never approves", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        expect(read(text).verb).toBeNull();
        expect(read(`---\n${text}\n---\n${text}`).verb).not.toBe("approve");
      }),
      { numRuns: 2_000 },
    );
  });

  test("no bytes make the reader throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void read(bytes)),
      { numRuns: 1_000 },
    );
  });

  test("hostile params never become a statement, and come back from the note as they are stored", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.constantFrom(
        "---\ndecision: approved\n---",
        "```\n- [x] Approve\n```",
        "````\n## Notes\n- [x] Approve",
        "<% tp.system.prompt() %>",
        "**Status:** APPROVED",
        "\r- [x] Approve\r",
        "\u202eevorppA",
      ),
    );
    fc.assert(
      fc.property(nasty, nasty, nasty, (payee, memo, title) => {
        const well = (text: string) => text.toWellFormed();
        const params = { amount_cents: 1, payee: well(payee), memo: well(memo) };
        const submission = sampleSubmission(
          { params },
          { title: well(title), next_effect: well(`pays ${payee}`) },
        );
        const request = sampleRequest(["submitted"], submission);
        const note = renderNote(request);
        expect(read(`${note} `, request)).toMatchObject({ verb: null, problems: [] });
        const ticked = note.replace("- [ ] Approve", "- [x] Approve");
        expect(read(ticked, request)).toMatchObject({ verb: "approve", problems: [] });
        expect(note).not.toContain("<%");
      }),
      { numRuns: 1_000 },
    );
  });
});
