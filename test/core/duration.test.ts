import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../src/core/duration.ts";

test.each([
  ["0s", 0],
  ["500ms", 500],
  ["2s", 2_000],
  ["30m", 1_800_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
])("%s is %i ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "2", "s", "-1s", "1.5h", "2 s", " 2s", "2S", "1h30m", "1e3s", "2s\n", "99999999d", "٣s"])(
  "%j is no duration",
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);

test("a duration that is written out reads back as the same", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_153_600_000_000 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});

test("no text makes the reader throw or give anything but whole milliseconds", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,20}(ms|s|m|h|d)$/)), (text) => {
      const ms = parseDuration(text);
      expect(ms === null || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
    }),
  );
});
