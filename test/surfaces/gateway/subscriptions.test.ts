import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Era } from "../mcp/client.ts";
import { type Connected, type GatewayStage, openGatewayStage } from "./stage.ts";

/** What an agent has subscribed to outlives the connection to the server. */
let stage: GatewayStage;

beforeAll(async () => {
  stage = await openGatewayStage();
  await stage.start();
});

afterAll(() => stage.remove());

describe.each(["legacy", "modern"] as const)("of a server of the era %s", (era) => {
  let home: string;
  let through: Connected;
  /** What the agent was told of, and who waits for more of it. */
  const told: string[] = [];
  let more = Promise.withResolvers<void>();

  beforeAll(async () => {
    home = join(stage.place, `notes-${era}`);
    mkdirSync(home);
    const server = [process.execPath, join(import.meta.dirname, "notes-server.mjs"), home, era];
    const agent: Era = "legacy";
    through = await stage.connect(agent, server, { words: ["--name", "notes"] });
    through.client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      told.push(params.uri);
      more.resolve();
    });
  });

  afterAll(() => through.close());

  async function toldOf(count: number): Promise<string[]> {
    while (told.length < count) {
      more = Promise.withResolvers();
      if (told.length < count) await more.promise;
    }
    return told.splice(0);
  }

  function change(...names: string[]): void {
    writeFileSync(join(home, "changed.tmp"), names.join(" "));
    renameSync(join(home, "changed.tmp"), join(home, "changed"));
  }

  const pid = () => Number(readFileSync(join(home, "pid"), "utf8"));

  test("is made again after a new start, for what is still wanted, and told of once", async () => {
    const { client } = through;
    for (const name of ["a", "b", "c"]) await client.subscribeResource({ uri: `note://${name}` });
    change("b", "a");
    expect(await toldOf(2)).toEqual(["note://b", "note://a"]);
    await client.unsubscribeResource({ uri: "note://b" });
    const first = pid();
    process.kill(first, "SIGKILL");
    // Nobody asks anything meanwhile.
    expect((await toldOf(2)).toSorted()).toEqual(["note://a", "note://c"]);
    expect(pid()).not.toBe(first);
    change("b", "a", "c");
    expect(await toldOf(2)).toEqual(["note://a", "note://c"]);
  });

  test("is made again by whatever is asked first", async () => {
    const { client } = through;
    process.kill(pid(), "SIGKILL");
    // Until the gateway has seen it, the question may go to the one that has died.
    while ((await client.listResources().catch(() => null)) === null);
    expect((await toldOf(2)).toSorted()).toEqual(["note://a", "note://c"]);
    change("c");
    expect(await toldOf(1)).toEqual(["note://c"]);
  });

  test("is not made again once nothing is wanted any more", async () => {
    const { client } = through;
    for (const name of ["a", "c"]) await client.unsubscribeResource({ uri: `note://${name}` });
    process.kill(pid(), "SIGKILL");
    while ((await client.listResources().catch(() => null)) === null);
    await client.subscribeResource({ uri: "note://b" });
    change("a", "b");
    expect(await toldOf(1)).toEqual(["note://b"]);
  });
});
