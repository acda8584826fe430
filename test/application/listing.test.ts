import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Application, ListFilter } from "../../src/application/application.ts";
import { createListing } from "../../src/application/listing.ts";
import type { Ledger } from "../../src/daemon/ports.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;
let application: Application;

beforeEach(async () => {
  scenery = makeScenery();
  stage = await openStage(scenery);
  ({ application } = stage);
  await stage.daemon.start();
});

afterEach(async () => {
  await stage.close();
  removeScenery(scenery);
});

/** Asks for so many payments, a second apart, and gives their ids. */
async function submit(count: number, requester = "billing-agent"): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const { request } = await application.submit({
      kind: "payment",
      params: { n: `${requester} ${n}` },
      requester,
    });
    ids.push(request.id);
    await stage.pass(1_000);
  }
  return ids;
}

async function finish(id: string): Promise<void> {
  await application.decide(id, { verb: "reject", reviewer: "anna", reason: null, via: "cli" });
  await stage.daemon.settled();
}

/** All pages, one after the other. */
async function pages(filter: ListFilter): Promise<string[][]> {
  const found: string[][] = [];
  let cursor: string | null = null;
  do {
    const page = await application.list({ ...filter, ...(cursor !== null && { cursor }) });
    found.push(page.requests.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

describe("open requests", () => {
  test("come in pages, and those that are closed meanwhile move no other", async () => {
    const ids = await submit(5);
    expect(await pages({ limit: 2 })).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
    const { next } = await application.list({ limit: 2 });
    await finish(ids[0] ?? "");
    await finish(ids[1] ?? "");
    const { requests } = await application.list({ limit: 2, cursor: next ?? "" });
    expect(requests.map(({ id }) => id)).toEqual(ids.slice(2, 4));
  });

  test("can be those of a requester, a kind, a status or a time", async () => {
    const [first = "", second = ""] = await submit(2);
    const [other = ""] = await submit(1, "other-agent");
    const list = async (filter: ListFilter) => (await application.list(filter)).requests.map(({ id }) => id);
    expect(await list({ requester: "other-agent" })).toEqual([other]);
    expect(await list({ kind: "refactor" })).toEqual([]);
    expect(await list({ kind: "payment", limit: 10 })).toEqual([first, second, other]);
    expect(await list({ status: "approved" })).toEqual([]);
    const { created } = await application.show(second);
    expect(await list({ since: created })).toEqual([second, other]);
    expect(await list({ since: created, limit: 1 })).toEqual([second]);
  });
});

describe("the history", () => {
  test("comes in pages, oldest first, finished or not", async () => {
    const ids = await submit(5);
    for (const id of [ids[3], ids[0]]) await finish(id ?? "");
    expect((await pages({ all: true, limit: 2 })).flat()).toEqual(ids);
    expect((await pages({ status: "rejected", limit: 1 })).flat()).toEqual([ids[0], ids[3]]);
  });

  test("without pages is the last finished ones, and what is open", async () => {
    const ids = await submit(3);
    await finish(ids[1] ?? "");
    const { requests, next } = await application.list({ all: true });
    expect(requests.map(({ id }) => id)).toEqual([ids[1], ids[0], ids[2]]);
    expect(next).toBeNull();
  });

  test("without pages is found at the journal's end, however long the journal is", async () => {
    const HEAD = 400_000;
    let looked = 0;
    const idOf = (seq: number) => `request ${seq}`;
    const list = createListing({
      open: async () => [],
      head: () => ({ seq: HEAD }),
      read: async (id: string) => {
        const fields = { ...sampleSubmission().fields, id };
        return {
          ...sampleRequest(["submitted", "expired", "archived"]),
          submission: { ...sampleSubmission(), fields },
        };
      },
      async *records(after: number) {
        for (let seq = after + 1; seq <= HEAD; seq += 1) {
          looked += 1;
          yield { seq, id: idOf(seq), event: { type: seq % 25 === 0 ? "archived" : "joined" } };
        }
      },
    } as unknown as Ledger);
    const { requests } = await list({ all: true });
    const wanted = Array.from({ length: 1_000 }, (_, n) => idOf(HEAD - 25 * (999 - n)));
    expect(requests.map(({ id }) => id)).toEqual(wanted);
    expect(looked).toBeLessThan(HEAD / 4);
  });

  test("has no page behind a cursor that it did not give", async () => {
    await expect(application.list({ all: true, limit: 1, cursor: "x" })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});

describe("what happened", () => {
  test("can be read a page at a time, by event, requester, request and time", async () => {
    const [first = "", second = ""] = await submit(2);
    await submit(1, "other-agent");
    await finish(first);
    const read = async (filter: object) => {
      const { events } = await application.happenings.page({ limit: 100, ...filter });
      return events.map(({ seq, event }) => `${seq} ${event}`);
    };
    expect(await read({})).toEqual(["1 submitted", "2 submitted", "3 submitted", "4 rejected", "5 archived"]);
    expect(await read({ event: "rejected" })).toEqual(["4 rejected"]);
    expect(await read({ requester: "other-agent" })).toEqual(["3 submitted"]);
    expect(await read({ id: first })).toEqual(["1 submitted", "4 rejected", "5 archived"]);
    const { created } = await application.show(second);
    expect(await read({ since: created, event: "submitted" })).toEqual(["2 submitted", "3 submitted"]);
    const page = await application.happenings.page({ limit: 2 });
    expect(page.next).toBe(2);
    expect(await read({ after: page.next, limit: 2 })).toEqual(["3 submitted", "4 rejected"]);
    expect((await application.happenings.page({ after: 4, limit: 2 })).next).toBeNull();
  });
});

describe("a request's token", () => {
  test("is asked for where there is one, and only that one will do", async () => {
    const asked = { kind: "refactor", params: {}, requester: "a" };
    const { request, token } = await application.submit(asked);
    await application.checkToken(request.id, token);
    for (const wrong of [null, "", "x".repeat(43)]) {
      await expect(application.checkToken(request.id, wrong)).rejects.toMatchObject({
        code: "token_invalid",
      });
    }
    const [plain = ""] = await submit(1);
    await application.checkToken(plain, null);
  });
});
