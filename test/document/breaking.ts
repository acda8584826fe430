import fc from "fast-check";
import { isMap, parseDocument } from "yaml";
import type { Request } from "../../src/core/request.ts";
import { BOXES } from "../../src/document/labels.ts";
import { renderNote } from "../../src/document/note.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";

/**
 * What people, editors, formatters, merges and programs do to a note's text. Data, so that a failing case can be read:
 * lines and places are numbers that are taken modulo how many there are.
 */
export type Operation =
  | { readonly do: "delete" | "double" | "indent" | "trail"; readonly line: number; readonly with: number }
  | { readonly do: "swap" | "move"; readonly line: number; readonly to: number }
  | { readonly do: "cut" | "erase"; readonly at: number; readonly length: number }
  | { readonly do: "insert"; readonly line: number; readonly text: string }
  | { readonly do: "type"; readonly at: number; readonly text: string }
  | { readonly do: "set"; readonly key: string; readonly value: string }
  | { readonly do: "mark"; readonly box: "approve" | "reject"; readonly as: string }
  | { readonly do: "save"; readonly as: "crlf" | "cr" | "mixed" | "lf" | "bom" | "no_end" | "trailing" }
  | { readonly do: "reformat"; readonly like: "obsidian" | "linter" | "prettier" | "bullets" | "numbers" }
  | { readonly do: "merge"; readonly one: Operation; readonly other: Operation }
  | { readonly do: "splice"; readonly at: number; readonly decided: string; readonly first: boolean };

/** Texts that an agent may send: what looks like a statement, a heading, a fence, or the daemon's own words. */
const HOSTILE = [
  "- [x] Approve",
  "decision: approved",
  "status: approved\ndecision: approved",
  "---\ndecision: approved\n---",
  "```\n- [x] Approve\n```",
  "````\n## Notes\n- [x] Approve",
  "## What happens if you approve\n\n- [x] Approve",
  "**Status:** APPROVED",
  "<!-- %% --> %% ~~~",
  "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> c",
  "> [!warning] Not decided yet\n> - Take one of them back.",
  "\u202e\u200b\ufeff\r\n\t\\u0000",
  "<% tp.system.prompt() %> {{x}} [[a]] $= x",
  "",
];

/** Fragments that end up anywhere in a note. */
const FRAGMENTS = [
  ...["```", "~~~", "````text", "<!--", "-->", "%%", "> ", "$$", "    ", "\t"],
  ...["---", "---js", "...", "%YAML 1.1", "+++", "{", "}", "- ", "? a", ": b", "&a", "*a", "# a", "x: y: z"],
  ...["## Notes", "## Action", "## What happens if you approve", "## Mine", "# Title", "Setext\n------"],
  ...["<<<<<<< HEAD", "=======", ">>>>>>> main", "||||||| base"],
  ...[
    "- [x] Approve",
    "- [x] Reject",
    "> - [x] Approve",
    "    - [x] Approve",
    "\t- [x] Reject",
    "1. [x] Reject",
  ],
  ...[
    "decision: approved",
    "decision: rejected",
    "Decision: approved",
    "d\u0435cision: approved",
    "approved: true",
  ],
  ...[
    "> [!warning] Not decided yet",
    "> - The note is empty. Take one of them back.",
    "> - my remark",
    "> mine",
    "\u0000",
    "\r",
    "\u200b",
  ],
  ...[
    "my own words",
    "tags: [a,   b] # mine",
    "# a comment of mine",
    "note: |\n  ```\n  open",
    "asked `Bob`",
    "",
  ],
];

const WORDS = ["approved", "approve", "rejected", "reject", "changes_requested", "pending"];
const VALUES = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...WORDS),
        fc.constantFrom(
          ...[
            "%",
            "%",
            "%",
            "'%'",
            '"%"',
            "% ",
            " %",
            ">\n  %",
            "|-\n  %",
            "\n  %",
            "% # why",
            "[%]",
            "\n  - %",
          ],
          ...[
            "%.",
            "!!str %",
            "&a %",
            "{%}",
            "%\u00a0",
            "\u200b%",
            "% %",
            "%: yes",
            "| # why\n  %",
            "%\n  only one",
          ],
        ),
        fc.constantFrom("lower", "upper", "capital"),
      )
      .map(([word, style, letters]) => style.replaceAll("%", () => cased(word, letters))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...[
        "",
        "null",
        "~",
        '""',
        "app",
        "true",
        "1",
        "2026-11-21",
        "\u0430pproved",
        "yes",
        "# later",
        "ada",
        "*a",
      ],
      ...[
        "aapproved",
        "approved rejected",
        "exapproved",
        "[[Ada]]",
        '"a \\" b"',
        "it's: fine",
        "\n  - a\n  - b",
      ],
    ),
  },
);

const place = fc.nat(2_000);
const simple: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ do: fc.constantFrom("delete", "double", "indent", "trail"), line: place, with: fc.nat(4) }),
  fc.record({ do: fc.constantFrom("swap", "move"), line: place, to: place }),
  fc.record({ do: fc.constantFrom("cut", "erase"), at: place, length: fc.nat(60) }),
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("insert"), line: place, text: fc.constantFrom(...FRAGMENTS) }),
  },
  fc.record({
    do: fc.constant("type"),
    at: place,
    text: fc.oneof(fc.string({ unit: "binary", maxLength: 6 }), fc.constantFrom(...FRAGMENTS)),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("set"),
      key: fc.constantFrom(
        ...[
          "decision",
          "decision",
          "decision",
          "status",
          "status",
          "reviewer",
          "reason",
          "Decision",
          "mine",
          "title",
        ],
        ...["outcome", "digest", "id", "expires", "approved"],
      ),
      value: VALUES,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("mark"),
      box: fc.constantFrom("approve", "reject"),
      as: fc.constantFrom(
        ...[
          "- [x] %",
          "- [x] %",
          "- [X] %",
          "- [ ] %",
          "* [x] %",
          "-   [x] %",
          "-\t[x] %",
          "1. [x] %",
          "  - [x] %",
        ],
        ...[
          "- [-] %",
          "- [/] %",
          "- [✓] %",
          "- [x] %.",
          "- [x] **%**",
          "- [x] % ✅ 2026-11-21",
          "- [x] % ^a1",
          "- [] %",
        ],
        ...[
          "\t- [x] %",
          "> - [x] %",
          "- [x] %, but only one",
          "- \\[x\\] %",
          "<!-- - [x] % -->",
          "- [x]  %  ",
        ],
      ),
    }),
  },
  fc.record({
    do: fc.constant("save"),
    as: fc.constantFrom("crlf", "cr", "mixed", "lf", "bom", "no_end", "trailing"),
  }),
  fc.record({
    do: fc.constant("reformat"),
    like: fc.constantFrom("obsidian", "linter", "prettier", "bullets", "numbers"),
  }),
  fc.record({
    do: fc.constant("splice"),
    at: place,
    decided: fc.constantFrom("", "approved", "rejected"),
    first: fc.boolean(),
  }),
) as fc.Arbitrary<Operation>;

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 9, arbitrary: simple },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("merge" as const), one: simple, other: simple }) },
);

/** Half of the time somebody decides plainly, before, between or after what breaks the note. */
const plainly = fc.constantFrom<Operation>(
  { do: "set", key: "decision", value: "approved" },
  { do: "set", key: "status", value: "rejected" },
  { do: "mark", box: "approve", as: "- [x] %" },
  { do: "mark", box: "reject", as: "- [x] %" },
);

export const operations = fc
  .tuple(
    // Few are the likelier ones to leave a note that still says something.
    fc.oneof(
      fc.array(operation, { minLength: 1, maxLength: 2 }),
      fc.array(operation, { minLength: 1, maxLength: 7 }),
    ),
    fc.option(plainly, { freq: 2 }),
    fc.nat(7),
  )
  .map(([ops, decided, at]) => (decided === null ? ops : [...ops.slice(0, at), decided, ...ops.slice(at)]));

/** A request of an agent that tries things. */
export const requests: fc.Arbitrary<Request> = fc
  .tuple(
    fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength: 30 })),
    fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "grapheme", maxLength: 60 })),
    fc.oneof(fc.constantFrom(...HOSTILE), fc.constant("")),
    fc.integer({ min: 1, max: 1e9 }),
  )
  .map(([title, memo, next_effect, amount_cents]) => {
    const params = { amount_cents, payee: "ACME GmbH", memo: memo.toWellFormed() };
    const rest = { title: title.toWellFormed(), next_effect };
    return sampleRequest(["submitted"], sampleSubmission({ params }, rest));
  });

/** The text after an operation. */
export function perform(text: string, op: Operation): string {
  const lines = text.split("\n");
  const nth = (n: number) => n % lines.length;
  switch (op.do) {
    case "delete":
      lines.splice(nth(op.line), op.with + 1);
      return lines.join("\n");
    case "double":
      lines.splice(nth(op.line), 0, ...lines.slice(nth(op.line), nth(op.line) + op.with + 1));
      return lines.join("\n");
    case "indent":
      lines[nth(op.line)] = `${["\t", "    ", " ", "  ", "\u00a0"][op.with]}${lines[nth(op.line)]}`;
      return lines.join("\n");
    case "trail":
      lines[nth(op.line)] += ["  ", "\t", "\\", "\u00a0", " #"][op.with] ?? "";
      return lines.join("\n");
    case "swap":
      [lines[nth(op.line)], lines[nth(op.to)]] = [lines[nth(op.to)] ?? "", lines[nth(op.line)] ?? ""];
      return lines.join("\n");
    case "move":
      lines.splice(op.to % lines.length, 0, ...lines.splice(nth(op.line), 1));
      return lines.join("\n");
    case "cut":
      return text.slice(0, op.at % (text.length + 1));
    case "erase":
      return text.slice(0, op.at % (text.length + 1)) + text.slice((op.at % (text.length + 1)) + op.length);
    case "insert":
      lines.splice(nth(op.line), 0, op.text);
      return lines.join("\n");
    case "type": {
      const at = op.at % (text.length + 1);
      return text.slice(0, at) + op.text + text.slice(at);
    }
    case "set":
      return setting(text, op.key, op.value);
    case "mark":
      return text.replace(new RegExp(`^.*\\[.?\\] ${BOXES[op.box]}.*$`, "mu"), () =>
        op.as.replace("%", BOXES[op.box]),
      );
    case "save":
      return saved(text, op.as);
    case "reformat":
      return reformatted(text, op.like);
    case "merge":
      return merged(text, perform(text, op.one), perform(text, op.other));
    case "splice": {
      const fields = { id: "20261121-091500-payment-8g4m2r", params: { amount_cents: 1, payee: "Mallory" } };
      const other = renderNote(sampleRequest(["submitted"], sampleSubmission(fields)));
      const decided = setting(other, "decision", op.decided);
      const [a, b] = op.first ? [text, decided] : [decided, text];
      return a.slice(0, op.at % (a.length + 1)) + b.slice(op.at % (b.length + 1));
    }
  }
}

function cased(word: string, letters: string): string {
  if (letters === "upper") return word.toUpperCase();
  return letters === "capital" ? word[0]?.toUpperCase() + word.slice(1) : word;
}

function setting(text: string, key: string, value: string): string {
  const line = `${key}: ${value}`;
  const property = new RegExp(`^${key}:.*$`, "m");
  return property.test(text)
    ? text.replace(property, () => line)
    : text.replace("\n---", () => `\n${line}\n---`);
}

function saved(text: string, as: Extract<Operation, { do: "save" }>["as"]): string {
  const plain = text.replaceAll("\r\n", "\n");
  switch (as) {
    case "crlf":
      return plain.replaceAll("\n", "\r\n");
    case "cr":
      return plain.replaceAll("\n", "\r");
    case "mixed":
      return plain.replaceAll(/(.*)\n(.*\n)/g, "$1\r\n$2");
    case "lf":
      return plain;
    case "bom":
      return `\ufeff${text}`;
    case "no_end":
      return text.replace(/[\r\n]+$/, "");
    case "trailing":
      return text.replaceAll(/(?<!\r)\n/g, "  \n");
  }
}

function reformatted(text: string, like: Extract<Operation, { do: "reformat" }>["like"]): string {
  const [, front = "", body = ""] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(text) ?? [];
  switch (like) {
    case "obsidian":
    case "linter": {
      if (front === "") return text;
      const document = parseDocument(front, { logLevel: "silent" });
      if (document.errors.length > 0 || !isMap(document.contents)) return text;
      try {
        const properties = document.toJS() as Record<string, unknown>;
        const entries = Object.entries({ ...properties, updated: "2026-11-21T10:00:00" });
        if (like === "linter") entries.sort(([a], [b]) => (a < b ? -1 : 1));
        const yaml = parseDocument("{}").createNode(Object.fromEntries(entries));
        yaml.flow = false;
        const rewritten = parseDocument("");
        rewritten.contents = yaml as never;
        return `---\n${rewritten.toString({ lineWidth: 0 })}---\n${like === "linter" ? "\n" : ""}${body}`;
      } catch {
        return text;
      }
    }
    case "prettier":
      return text.replaceAll(/^(`{3,}json)\n([\s\S]*?)\n(`{3,})$/gm, (block, open, json, close) => {
        try {
          return `${open}\n${JSON.stringify(JSON.parse(json), null, 4)}\n${close}`;
        } catch {
          return block;
        }
      });
    case "bullets":
      return text.replaceAll(/^- \[/gm, "* [");
    case "numbers":
      return text.replaceAll(/^- \[/gm, "1. [");
  }
}

/** A merge that keeps what both sides put in, one behind the other, wherever they changed the same lines. */
function merged(base: string, one: string, other: string): string {
  const mine = changeOf(base, one);
  const theirs = changeOf(base, other);
  const start = Math.min(mine.start, theirs.start);
  const end = Math.max(mine.end, theirs.end);
  if (mine.end < theirs.start || theirs.end < mine.start) {
    const [first, second] = mine.start < theirs.start ? [mine, theirs] : [theirs, mine];
    return (
      base.slice(0, first.start) +
      first.text +
      base.slice(first.end, second.start) +
      second.text +
      base.slice(second.end)
    );
  }
  return base.slice(0, start) + mine.text + theirs.text + base.slice(end);
}

function changeOf(base: string, now: string): { start: number; end: number; text: string } {
  let start = 0;
  while (start < base.length && start < now.length && base[start] === now[start]) start += 1;
  let tail = 0;
  while (tail < base.length - start && tail < now.length - start && base.at(-1 - tail) === now.at(-1 - tail))
    tail += 1;
  return { start, end: base.length - tail, text: now.slice(start, now.length - tail) };
}

/** The text that an operation brings into a note, from which alone a statement can come. */
export function broughtIn(op: Operation, before: string): string {
  switch (op.do) {
    case "insert":
    case "type":
      return op.text;
    case "set":
      return op.key === "approved" ? `approved ${op.value}` : op.value;
    case "mark":
      return / ?\[ ?\] /.test(op.as) ? "" : op.box;
    case "merge":
      return `${broughtIn(op.one, before)} ${broughtIn(op.other, before)}`;
    case "splice":
      return op.decided;
    case "double":
    case "move":
    case "swap":
      // A line of the agent's that somebody copies to where one decides is that person's statement.
      return linesWithStatements(before);
    default:
      return "";
  }
}

function linesWithStatements(text: string): string {
  return text
    .split("\n")
    .filter((line) => /\[x\] (approve|reject)|^(decision|status): *[ar]/i.test(line))
    .join(" ");
}
