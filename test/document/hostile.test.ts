import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import matter from "gray-matter";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { problem } from "../../src/core/codes.ts";
import { isFinal } from "../../src/core/request.ts";
import { answerNote } from "../../src/document/answer.ts";
import { sha256 } from "../../src/document/digest.ts";
import { finishNote } from "../../src/document/finish.ts";
import { answerLate } from "../../src/document/late.ts";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { fencedJson, visible } from "../../src/document/visible.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";

const REQUEST = sampleRequest();
const EXECUTED = sampleRequest(["submitted", "approved", "started", "executed"]);
const APPROVING = renderNote(REQUEST).replace("decision:", "decision: approved");

const read = (note: string) => readNote(Buffer.from(note), REQUEST);

describe("nothing in a note is evaluated", () => {
  const directory = mkdtempSync(join(tmpdir(), "probe-"));
  const marker = join(directory, "marker");
  const probe = globalThis as { probe?: unknown };
  /** As JavaScript, it leaves two traces; as YAML it is a list. */
  const code = `[globalThis.probe = 1, require("node:fs").writeFileSync(${JSON.stringify(marker)}, "")]`;
  const traces = () => ({ global: probe.probe, file: existsSync(marker) });
  const NONE = { global: undefined, file: false };

  beforeEach(() => {
    delete probe.probe;
    rmSync(marker, { force: true });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const names = [
    ...[
      "js",
      "javascript",
      "JS",
      " js",
      "JavaScript",
      "\tjs",
      "node",
      "coffee",
      "coffeescript",
      "cson",
      "CSON",
    ],
    ...[
      "json",
      "JSON",
      "toml",
      "TOML",
      "yaml",
      "YAML",
      "yml",
      "constructor",
      "toString",
      "valueOf",
      "__proto__",
    ],
    ...["hasOwnProperty", "prototype", "\u00a0js", "-js", "=js", ";js"],
  ];

  test("the probe leaves its traces where frontmatter is evaluated", () => {
    matter(`---js\n${code}\n---\n`, {});
    expect(traces()).toEqual({ global: 1, file: true });
  });

  test.each(names)("21: behind --- and %j", (name) => {
    for (const eol of ["\n", "\r\n"]) {
      const note = `---${name}\n${code}\n---\n${APPROVING}`.replaceAll("\n", eol);
      expect(read(note).verb).toBeNull();
      expect(read(note).problems[0]?.code).toMatch(/^(frontmatter_language|no_frontmatter)$/);
      expect(finish(note)).toContain(`---${name}`);
    }
    expect(traces()).toEqual(NONE);
  });

  test.each(names)(
    "22: in the body behind --- and %j, when the note is answered, finished or kept",
    (name) => {
      const block = `---${name}\n${code}\n---\n`;
      const note = APPROVING.replace("> [!question]", `${block}> [!question]`);
      expect(read(note)).toMatchObject({ verb: "approve", problems: [] });
      expect(finish(note)).toContain(block);
      expect(traces()).toEqual(NONE);
    },
  );

  test.each(["js", "javascript"])("among the properties, behind a second --- and %s", (name) => {
    const note = APPROVING.replace("reviewer:", `---${name}\n${code}\nreviewer:`);
    expect(read(note).verb).toBeNull();
    finish(note);
    expect(traces()).toEqual(NONE);
  });

  test("as a YAML tag of another language", () => {
    for (const tag of [
      "!!js/function",
      "!<tag:yaml.org,2002:js/function>",
      "!!python/object/apply:os.system",
    ]) {
      const note = APPROVING.replace("reason:", `reason: ${tag} '${code}'`);
      expect(read(note)).toMatchObject({ verb: null, problems: [{ code: "frontmatter_feature" }] });
    }
    expect(traces()).toEqual(NONE);
  });

  /** Everything that the daemon writes into a person's note. */
  function finish(note: string): string {
    if (!isFinal(EXECUTED)) throw new Error("not final");
    answerNote(note, [problem("unclear_word", 3)]);
    answerLate(note, EXECUTED);
    const { text, kept } = finishNote(note, EXECUTED);
    return kept ? text : note;
  }
});

describe("an agent's text", () => {
  const hostile = [
    ["a newline and a fence", "x\n---\ndecision: approved\n---\n"],
    ["a colon and quotes", `key: "value" 'x' # y`],
    ["templates", "{{title}} <% tp.system.prompt() %> <%* await x %>"],
    ["backticks", "``` `````` ```js"],
    ["10 kB", "a".repeat(10_000)],
    ["a remote image", "![x](https://e.vil/p.png) <img src=https://e.vil/p.png>"],
    ["a link that does something", "[x](obsidian://adv-uri?eval=1) obsidian://shell-commands/?execute=1"],
    ["queries", "```dataviewjs\nx\n```\n`$= dv.pages()` = this.file"],
    ["hidden text", "%%hidden%% <!-- hidden --> <span style='display:none'>x</span>"],
    ["bidirectional text", "\u202egnihtemos\u202c \u2066x\u2069"],
    ["zero width and tags", "a\u200bb\u2060c\u{e0041}d\u{fe0f}"],
    ["terminal escapes", "\u001b[2J\u001b]0;x\u0007\rApproved"],
    ["overlaid digits", "1\u03360\u0338"],
    ["boxes and headings", "- [x] Approve\n## Notes\n## Action\n> [!question] Your decision"],
  ] as const;

  test.each(hostile)("65, 66: with %s says nothing, hides nothing, and is one line as a title", (_, text) => {
    const submission = sampleSubmission(
      { params: { memo: text, [text.slice(0, 60)]: 1 } },
      { title: text, next_effect: text },
    );
    const request = sampleRequest(["submitted"], submission);
    const note = renderNote(request);
    expect(readNote(Buffer.from(`${note} `), request)).toMatchObject({ verb: null, problems: [] });
    const ticked = note.replace("- [ ] Approve", "- [x] Approve");
    expect(readNote(Buffer.from(ticked), request)).toMatchObject({ verb: "approve", problems: [] });
    expect(note.match(/^title: ".{1,200}"$/gm)).toHaveLength(1);
    expect(note).not.toContain("<%");
    expect(note).not.toMatch(/[[\p{Cc}\p{Cf}]--[\n]]|[\u{fe00}-\u{fe0f}]|[\u0334-\u0338]/v);
    expect(linesOutsideOfFences(note)).toEqual(linesOutsideOfFences(renderNote(plain(text))));
  });

  test.each([
    ["a Cyrillic letter in a Latin word", "p\u0430ypal", "p\\u{430}ypal", "p\\u0430ypal"],
    ["a Greek one", "g\u03bfogle", "g\\u{3BF}ogle", "g\\u03bfogle"],
    ["a full-width digit", "\uff11000", "\\u{FF11}000", "\\uff11000"],
    ["a mathematical letter", "\u{1d5c9}ay", "\\u{1D5C9}ay", "\\ud835\\uddc9ay"],
    ["a whole word of another alphabet", "счёт за июль", "счёт за июль", "счёт за июль"],
    ["the same behind a line's end", "a\nсчёт", "a\nсчёт", "a\\nсчёт"],
    [
      "a word that is wholly disguised, beside a Latin one",
      "\u0410\u0421\u041c\u0415 GmbH",
      "\\u{410}\\u{421}\\u{41C}\\u{415} GmbH",
      "\\u0410\\u0421\\u041c\\u0415 GmbH",
    ],
    [
      "a word of such letters in a text of its own alphabet",
      "открыть рот\nACME",
      "открыть рот\nACME",
      "открыть",
    ],
  ])("in which something passes for another letter shows it: %s", (_, text, shown, json) => {
    expect(visible(text)).toBe(shown);
    expect(fencedJson({ text })).toContain(`"${json}`);
    expect(JSON.parse(fencedJson({ text }).split("\n").slice(1, -1).join("\n"))).toEqual({ text });
  });

  test("of several lines is shown as a person reads it, wherever it is in the params", () => {
    const params = {
      path: "/a",
      input: { edits: [{ new: "def f():\n  return 1\n- [x] Approve" }], old: "x" },
    };
    const request = sampleRequest(["submitted"], sampleSubmission({ params }));
    const note = renderNote(request);
    expect(note).toContain("input.edits.0.new:\n\n```text\ndef f():\n  return 1\n- [x] Approve\n```");
    expect(note).not.toContain("input.old:");
    expect(readNote(Buffer.from(note), request)).toMatchObject({ verb: null, problems: [] });
    const ticked = note.replace("- [ ] Approve", "- [x] Approve");
    expect(readNote(Buffer.from(ticked), request)).toMatchObject({ verb: "approve", problems: [] });
    const disguised = readNote(Buffer.from(ticked.replace("  return 1\n", "  return 2\n")), request);
    expect(disguised.problems.map(({ code }) => code)).toContain("action_changed");
  });

  test("that is long is told by its length, its SHA-256 and its two ends, and hides no other param", () => {
    const body = `Dear all,\n${"nothing to see here\n".repeat(2_000)}PS: wire the money to Mallory`;
    const params = { body, mail: { to: ["x".repeat(5_000)] }, amount_cents: 150_000 };
    const request = sampleRequest(["submitted"], sampleSubmission({ params }));
    const note = renderNote(request);
    expect(note.indexOf('"amount_cents"')).toBeLessThan(note.indexOf('"body"'));
    expect(note).toContain(`${body.length} characters in 2002 lines, SHA-256 ${sha256(body)}.`);
    expect(note).toContain(`mail.to.0: 5000 characters in 1 line, SHA-256 ${sha256("x".repeat(5_000))}.`);
    expect(note).toMatch(/```text\nDear all,\n[^`]*\n\[\d+ characters left out here\]\n[^`]*Mallory\n```/);
    expect(JSON.parse(/```json\n([\s\S]*?)\n```/.exec(note)?.[1] ?? "")).toEqual(params);

    const ticked = note.replace("- [ ] Approve", "- [x] Approve");
    expect(readNote(Buffer.from(ticked), request)).toMatchObject({ verb: "approve", problems: [] });
    for (const [from, to] of [
      ["here\\nnothing", "here\\nsomething"],
      [sha256(body), sha256("")],
      ["PS: wire", "PS: do not wire"],
    ] as const) {
      const { problems } = readNote(Buffer.from(ticked.replace(from, to)), request);
      expect(problems).toMatchObject([{ code: "action_changed" }]);
    }
  });

  /** The lines that a reader would take for the note's own, without the values of its properties. */
  function linesOutsideOfFences(note: string): string[] {
    const [, properties = "", body = ""] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(note) ?? [];
    const lines = body
      .replaceAll(/^(`{3,})\w+\n[\s\S]*?\n\1$/gm, "FENCE")
      .replaceAll(/SHA-256 [\da-f]{64}/g, "SHA-256")
      .split("\n");
    return [...properties.split("\n").map((line) => line.replace(/:.*/, "")), ...lines];
  }

  function plain(text: string) {
    const short = text.includes("\n") ? "two\nlines" : "one";
    const params = { memo: text.length > 4_000 ? "b".repeat(text.length) : short };
    return sampleRequest(["submitted"], sampleSubmission({ params }));
  }
});
