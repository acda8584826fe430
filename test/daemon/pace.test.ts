import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createPace } from "../../src/daemon/pace.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";
import { worstNotes } from "../worst-notes.ts";

let scenery: Scenery | null = null;
let stage: Stage | null = null;

afterEach(async () => {
  await stage?.close();
  if (scenery !== null) removeScenery(scenery);
  scenery = stage = null;
});

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe("one note does not keep others waiting", () => {
  test("a tick is acted on before all but one of 20 bad notes that were saved first", async () => {
    const order: string[] = [];
    scenery = makeScenery();
    stage = await openStage(scenery, {
      handler: async ({ id }) => {
        order.push(`executed ${id}`);
        return { status: "executed", result: null };
      },
    });
    const { application, daemon, desk, pathOf } = stage;
    await daemon.start();
    const submit = async (cents: number) => {
      const input = { kind: "payment", params: { amount_cents: cents, payee: "ACME" } };
      return (await application.submit(input)).request.id;
    };
    const bad: string[] = [];
    for (let i = 1; i <= 20; i += 1) bad.push(await submit(i));
    const good = await submit(100);
    await daemon.settled();

    // What a reading found goes to the desk, so that tells which notes have been read.
    const setProblems = desk.setProblems;
    vi.spyOn(desk, "setProblems").mockImplementation((id, found) => {
      order.push(`read ${id}`);
      setProblems(id, found);
    });
    const noteOf = (id: string) => readFileSync(pathOf("pending", id), "utf8");
    const tick = (note: string) => note.replace("- [ ] Approve", "- [x] Approve");
    for (const [i, id] of bad.entries()) {
      const worst = [...worstNotes(tick(noteOf(id))).values()].filter(({ length }) => length > 100_000);
      writeFileSync(pathOf("pending", id), worst[(i * 7) % worst.length] ?? "");
    }
    writeFileSync(pathOf("pending", good), tick(noteOf(good)));
    for (const id of [...bad, good]) daemon.hint({ folder: "pending", name: `${id}.md` });
    await daemon.settled();

    const at = order.indexOf(`executed ${good}`);
    expect(at).toBeGreaterThanOrEqual(0);
    expect(bad.filter((id) => order.slice(0, at).includes(`read ${id}`)).length).toBeLessThanOrEqual(1);
    expect(bad.filter((id) => order.includes(`read ${id}`)).length).toBeGreaterThan(15);
    expect(scenery.executions.filter(({ id }) => id === good).length).toBe(1);
  });

  test("a crowd of looks leaves turns of the loop to everything else, and keeps its order", async () => {
    const pace = createPace();
    const order: string[] = [];
    const looks = Array.from({ length: 40 }, async (_, i) => {
      await pace.enter();
      order.push(`look ${i}`);
      spin(2);
    });
    setImmediate(() => order.push("else"));
    await Promise.all(looks);
    expect(order.indexOf("else")).toBeGreaterThan(0);
    expect(order.indexOf("else")).toBeLessThan(12);
    expect(order.filter((what) => what !== "else")).toEqual(looks.map((_, i) => `look ${i}`));
  });

  test("what is dear is done one at a time, and others come in between", async () => {
    const pace = createPace();
    const order: string[] = [];
    const dear = ["a", "b", "c"].map((name) =>
      pace.apart(() => {
        order.push(name);
        spin(20);
        return name;
      }),
    );
    setTimeout(() => order.push("else"), 1);
    expect(await Promise.all(dear)).toEqual(["a", "b", "c"]);
    expect(order).toEqual(["a", "else", "b", "c"]);
  });

  test("what fails apart fails alone", async () => {
    const pace = createPace();
    const failed = pace.apart(() => {
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await pace.apart(() => 1)).toBe(1);
  });
});
