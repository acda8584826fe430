import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openWhole } from "./whole.ts";

test("who halted, resumed and accepted the clock is told in pages, by a daemon that can trust its record", async () => {
  const daemon = await openWhole();
  const { application, state } = daemon.world;
  await application.halt("ada");
  await application.resume("bob");
  await application.acceptClock("cleo");
  const page = async (query: string) => {
    const { body } = await daemon.ask(`GET /v1/audit/switches${query}`, { as: "billing-agent" });
    const { switches, next } = body as { switches: { switch: string; by: string }[]; next: number | null };
    return [switches.map(({ switch: what, by }) => `${what} by ${by}`), next];
  };
  expect(await page("?limit=2")).toEqual([["halted by ada", "resumed by bob"], 2]);
  expect(await page("?limit=2&after=2")).toEqual([["clock_accepted by cleo"], null]);
  expect(await page("?after=3")).toEqual([[], null]);
  expect(await page("?since=2100-01-01")).toEqual([[], null]);

  appendFileSync(join(state, "switches.jsonl"), "{}\n");
  expect(await daemon.ask("GET /v1/audit/switches")).toMatchObject({
    status: 500,
    body: { error: { code: "journal_damaged" } },
  });
  expect(daemon.bugs).toEqual([]);
  await daemon.close();
});
