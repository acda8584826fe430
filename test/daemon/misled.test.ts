import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;
let id = "";

beforeEach(async () => {
  scenery = makeScenery();
  await open();
  const { request } = await stage.application.submit({
    kind: "payment",
    params: { amount_cents: 150_000, payee: "ACME" },
  });
  ({ id } = request);
});

afterEach(async () => {
  await stage.close();
  expect(stage.errors).toEqual([]);
  removeScenery(scenery);
});

async function open(): Promise<void> {
  stage = await openStage(scenery, { settle_ms: 0 });
  await stage.daemon.start();
  await stage.daemon.settled();
}

const LESS = (text: string) => text.replaceAll("150000", "1500");
const MORE = (text: string) => text.replaceAll(/\b1500\b/g, "150000");
const TICK = (text: string) => text.replace("- [ ] Approve", "- [x] Approve");
const UNTICK = (text: string) => text.replace("- [x] Approve", "- [ ] Approve");
const tickOnDisk = () => {
  const path = stage.pathOf("pending", id);
  writeFileSync(path, TICK(readFileSync(path, "utf8")));
};
const restart = async (how: "close" | "kill") => {
  await stage[how]();
  await open();
};
const folder = () => join(scenery.state, "other-texts");
const rest = () => stage.pass(10_000);
const dashboard = () => readFileSync(join(scenery.root, "Dashboard.md"), "utf8");

describe("an approval that was given over another text than the request's", () => {
  for (const how of ["close", "kill"] as const) {
    test(`does not count once the text is put back, though the daemon's end (${how}) came between`, async () => {
      await stage.edit(id, LESS);
      await stage.edit(id, TICK);
      await restart(how);
      await stage.edit(id, MORE);
      await rest();
      expect(await stage.status(id)).toBe("pending");
      expect(scenery.executions).toEqual([]);
      expect(dashboard()).toContain("given while the note showed something else");
      await restart(how);
      await rest();
      expect(await stage.status(id)).toBe("pending");
    });
  }

  test("does not count either where it was given while the daemon was away, behind the change", async () => {
    const whole = stage.note(id) ?? "";
    await stage.edit(id, (text) => text.slice(0, text.indexOf("## Action")));
    await stage.kill();
    tickOnDisk();
    await open();
    await stage.edit(id, (text) => `${text}${whole.slice(text.length)}`);
    await stage.edit(id, (text) => `${text}\n`);
    await rest();
    expect(await stage.status(id)).toBe("pending");
  });

  test("can be given again once it was taken away, and nothing of it is left", async () => {
    await stage.edit(id, (text) => TICK(LESS(text)));
    await restart("kill");
    expect(readdirSync(folder())).toEqual([`${id}.json`]);
    await stage.edit(id, (text) => UNTICK(MORE(text)));
    await restart("kill");
    expect(readdirSync(folder())).toEqual([]);
    await stage.edit(id, TICK);
    await rest();
    expect(await stage.status(id)).toBe("executed");
  });

  test("counts as given where what is known of it cannot be read", async () => {
    for (const damaged of ["", "{", '{"text":{"length":1,"sha256":"x"},"grown":false}', "null"]) {
      await stage.kill();
      writeFileSync(join(folder(), `${id}.json`), damaged);
      tickOnDisk();
      await open();
      await rest();
      expect(await stage.status(id), damaged).toBe("pending");
    }
    await stage.edit(id, UNTICK);
    await stage.edit(id, TICK);
    await rest();
    expect(await stage.status(id)).toBe("executed");
  });

  test("leaves nothing behind when the request ends another way", async () => {
    await stage.edit(id, (text) => TICK(LESS(text)));
    await stage.application.cancel(id, { by: "agent", reason: null });
    await rest();
    expect(await stage.status(id)).toBe("cancelled");
    expect(readdirSync(folder())).toEqual([]);
  });
});
