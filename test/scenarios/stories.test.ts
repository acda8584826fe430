import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { playStory } from "./play.ts";

const STORIES = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".txt"));

/** `vitest -u` writes the stories anew; what has changed in them is then reviewed as a diff. */
describe("the story of", () => {
  test.each(STORIES.map((name) => [name.slice(0, -4).replaceAll("-", " "), name]))("%s", async (_, name) => {
    const path = join(import.meta.dirname, name);
    await expect(await playStory(readFileSync(path, "utf8"))).toMatchFileSnapshot(path);
  });
});
