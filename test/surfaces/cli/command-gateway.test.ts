import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import type { Deps } from "../../../src/surfaces/cli/context.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
let wanted: Parameters<Deps["readGateway"]>[1][];
beforeEach(() => {
  stage = createStage();
  wanted = [];
});
afterEach(() => stage.close());

/** Up to where it would read the configuration. */
const gateway = (...words: string[]) =>
  stage.run(["gateway", ...words], {
    deps: {
      readGateway: async (_options, which) => {
        wanted.push(which);
        throw new Fault("config_invalid", "That is far enough.");
      },
    },
  });

describe("without a command the configuration says what it stands in front of", () => {
  test.each([
    [[], { names: [], http: false }],
    [["crm", "files"], { names: ["crm", "files"], http: false }],
    [["--http"], { names: [], http: true }],
    [["crm", "--http"], { names: ["crm"], http: true }],
    [["--"], { names: [], http: false }],
  ])("%j", async (words, which) => {
    expect(await gateway(...words)).toMatchObject({ err: expect.stringContaining("far enough") });
    expect(wanted).toEqual([which]);
  });
});

describe("what does not go together is refused", () => {
  test.each([
    [["crm", "--", "npx", "server"], "no names"],
    [["--http", "--", "npx", "server"], "no --http"],
    [["--name", "fs"], "--name is for a command"],
    [["--http", "--requester", "claude"], "Over HTTP"],
  ])("%j", async (words, sentence) => {
    expect(await gateway(...words)).toMatchObject({ exit: 2, err: expect.stringContaining(sentence) });
    expect(wanted).toEqual([]);
  });
});
