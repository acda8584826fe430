import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../../src/core/json.ts";
import {
  hasComments,
  parseCommentedJson,
  putInto,
  sameWords,
  takeOut,
} from "../../src/document/commented-json.ts";

describe("a text with comments", () => {
  test.each([
    ['{"a": 1} // one', { a: 1 }],
    ["/* none */ [1, 2]", [1, 2]],
    ["null", null],
  ])("%s is read", (text, value) => expect(parseCommentedJson(text)).toEqual(value));

  test.each([
    "",
    "// only",
    "{",
    '{"a": 1,}',
    "[1,]",
    '{"a": 1, "a": 2}',
    '[{"a": {"b": 1, "b": 1}}]',
    "{a: 1}",
  ])("%j is none", (text) => expect(parseCommentedJson(text)).toBeUndefined());
});

const values = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
const blanks = fc.stringMatching(/^[ \t\n]{0,3}$/);
const comments = fc.oneof(blanks, fc.constantFrom(" // one, [two]\n", "/* { */", "\n// three\n\t"));

/** A list as a person may write it, with what stands between its items. */
const lists = fc.array(fc.tuple(comments, values, comments), { maxLength: 4 }).chain((items) =>
  comments.map((end) => ({
    items: items.map(([, value]) => value),
    text: `[${items.map(([before, value, after]) => before + JSON.stringify(value) + after).join(",")}${end}]`,
  })),
);

const commentsIn = (text: string) => text.match(/\/\/ one, \[two\]|\/\* \{ \*\/|\/\/ three/g) ?? [];

describe("an item", () => {
  test("goes behind the others, and nothing else changes", () => {
    fc.assert(
      fc.property(lists, values, ({ items, text }, value) => {
        const longer = putInto(text, [], value);
        expect(parseCommentedJson(longer)).toEqual([...items, value]);
        const shorter = takeOut(longer, [items.length]);
        expect(parseCommentedJson(shorter)).toEqual(items);
        expect(sameWords(shorter, text)).toBe(true);
      }),
    );
  });

  test("is taken out, and every comment stays", () => {
    fc.assert(
      fc.property(lists, fc.nat(3), ({ items, text }, at) => {
        fc.pre(at < items.length && !JSON.stringify(items).includes("/"));
        const shorter = takeOut(text, [at]);
        expect(parseCommentedJson(shorter)).toEqual(items.toSpliced(at, 1));
        expect(commentsIn(shorter)).toEqual(commentsIn(text));
      }),
    );
  });

  test("leaves no line of its own", () => {
    const text = "[\n  1, // one\n  2,\n  3 // three\n]\n";
    expect(takeOut(text, [1])).toBe("[\n  1, // one\n  3 // three\n]\n");
    expect(takeOut(text, [2])).toBe("[\n  1, // one\n  2\n   // three\n]\n");
    // Whatever would be swallowed by a comment stays on a line of its own.
    expect(takeOut("[1, // one\n 2]", [1])).toBe("[1 // one\n ]");
    expect(takeOut("[1, // one\n 2, 3]", [1])).toBe("[1, // one\n  3]");
  });
});

describe("a member", () => {
  test("goes behind the others, in the layout of the text", () => {
    expect(putInto('{\r\n\t"a": 1 // one\r\n}', [], { c: 2 }, "b")).toBe(
      '{\r\n\t"a": 1, // one\r\n\t"b": {\r\n\t\t"c": 2\r\n\t}\r\n}',
    );
    expect(putInto('{"a":{}}', ["a"], 1, "b")).toBe('{"a":{\n  "b": 1\n}}');
  });

  test("is taken out with its name", () => {
    expect(takeOut('{\n  "a": 1,\n  /* b */ "b": [2]\n}', ["b"])).toBe('{\n  "a": 1\n  /* b */\n}');
  });
});

test("comments are an object's or list's own, or its members'", () => {
  expect(hasComments('{"a": [1, /* one */ 2]}', ["a"])).toBe(true);
  expect(hasComments('{"a": [1, {"b": /* one */ 2}]}', ["a"])).toBe(false);
});

test("texts are the same in another layout, and not with another comment", () => {
  expect(sameWords('{"a":1}// x', '{\n "a" : 1 }\n// x')).toBe(true);
  expect(sameWords('{"a":1}// x', '{"a":1}// y')).toBe(false);
  expect(sameWords('{"a":"1 2"}', '{"a":"12"}')).toBe(false);
  expect(sameWords('{"a":"1"}', '{"a":1}')).toBe(false);
});
