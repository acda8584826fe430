import { afterEach, describe, expect, test } from "vitest";
import type { ChronicleEntry } from "../../src/daemon/chronicle.ts";
import {
  FOLDERS,
  makeScenery,
  openStage,
  removeScenery,
  type Scenery,
  type Stage,
} from "../scenarios/stage.ts";

const sceneries: Scenery[] = [];
afterEach(() => {
  for (const scenery of sceneries.splice(0)) removeScenery(scenery);
});

async function open(scenery: Scenery = makeScenery()): Promise<Stage & { entries: ChronicleEntry[] }> {
  sceneries.push(scenery);
  const stage = await openStage(scenery);
  const entries: ChronicleEntry[] = [];
  stage.chronicle.deliverTo((entry) => void entries.push(entry));
  await stage.daemon.start();
  await stage.daemon.settled();
  return { ...stage, entries };
}

async function submit(stage: Stage): Promise<string> {
  const { request } = await stage.application.submit({ kind: "payment", params: {} });
  return request.id;
}

/** The paths that are left when everything the entries say has been done, in order. */
function pathsAfter(entries: readonly ChronicleEntry[]): string[] {
  const paths = new Set<string>();
  for (const { changes } of entries) {
    for (const { path, bytes } of changes) {
      if (bytes === null) paths.delete(path);
      else paths.add(path);
    }
  }
  return [...paths].sort();
}

async function replayed(stage: Stage): Promise<ChronicleEntry[]> {
  const entries: ChronicleEntry[] = [];
  for await (const entry of stage.chronicle.replay(0)) entries.push(entry);
  return entries;
}

describe("what the history is told", () => {
  test.each([
    ["approved", "executed"],
    ["rejected", "rejected"],
  ] as const)("about a note that was dragged to %s leaves it in Done alone", async (folder, status) => {
    const stage = await open();
    const id = await submit(stage);
    await stage.move(id, "pending", folder);
    await stage.pass(2_000);
    expect(await stage.status(id)).toBe(status);
    await stage.close();
    expect(pathsAfter(stage.entries)).toEqual([`${FOLDERS.done}/${id}.md`]);
  });

  test("is the same from the journal, whatever was told before the daemon was killed", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.move(id, "pending", "approved");
    expect(await stage.status(id)).toBe("approved");
    const before = [...stage.entries];
    expect(pathsAfter(await replayed(stage))).toEqual([`${FOLDERS.approved}/${id}.md`]);
    await stage.kill();
    const next = await open(stage);
    await next.application.resume("ada");
    await next.daemon.settled();
    expect(await next.status(id)).toBe("executed");
    const all = await replayed(next);
    await next.close();
    expect(pathsAfter(all)).toEqual([`${FOLDERS.done}/${id}.md`]);
    for (let told = 0; told <= before.length; told += 1) {
      expect(pathsAfter([...before.slice(0, told), ...all.slice(told)])).toEqual([
        `${FOLDERS.done}/${id}.md`,
      ]);
    }
  });
});
