import { describe, expect, test } from "vitest";
import { createHappenings } from "../../src/application/happenings.ts";
import type { Request } from "../../src/core/request.ts";
import type { Ledger, LedgerRecord } from "../../src/daemon/ports.ts";
import { sampleSubmission } from "../sample.ts";

/** A ledger of which only what followers need works: `record` adds one, `answer` ends the oldest reading. */
function createLedger() {
  const listeners = new Set<(record: LedgerRecord) => void>();
  const readings: PromiseWithResolvers<Request | null>[] = [];
  let seq = 0;
  const ledger = {
    head: () => ({ seq }),
    read() {
      const reading = Promise.withResolvers<Request | null>();
      readings.push(reading);
      return reading.promise;
    },
    follow(listener: (record: LedgerRecord) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Ledger;
  return {
    ledger,
    listeners,
    record(id: string): void {
      seq += 1;
      const event = { type: "expired", at: "2026-11-21T10:14:03.000Z" } as const;
      for (const listener of listeners) listener({ seq, id, revision: 2, event, prev: "", hash: "" });
    },
    async answer(request: Request | null): Promise<void> {
      await rest();
      readings.shift()?.resolve(request);
      await rest();
    },
  };
}

const rest = () => new Promise((resolve) => setImmediate(resolve));
const known = { submission: sampleSubmission() } as unknown as Request;

describe("followers", () => {
  test("are told in order, however long each takes to look up", async () => {
    const { ledger, record, answer } = createLedger();
    const happenings = createHappenings(ledger);
    const told: (number | null)[] = [];
    happenings.follow((event) => told.push(event?.seq ?? null));
    record("a");
    record("b");
    expect(happenings.head()).toBe(0);
    await answer(known);
    expect(told).toEqual([1]);
    await answer(known);
    expect(told).toEqual([1, 2]);
    expect(happenings.head()).toBe(2);
  });

  test("that come later are not told what was before them", async () => {
    const { ledger, record, answer } = createLedger();
    const happenings = createHappenings(ledger);
    const leave = happenings.follow(() => {});
    record("a");
    leave();
    const told: (number | null)[] = [];
    happenings.follow((event) => told.push(event?.seq ?? null));
    await answer(known);
    record("b");
    await answer(known);
    expect(told).toEqual([2]);
  });

  test("are told that something cannot be told, and nothing behind it", async () => {
    const { ledger, listeners, record, answer } = createLedger();
    const happenings = createHappenings(ledger);
    const told: (number | null)[] = [];
    happenings.follow((event) => told.push(event?.seq ?? null));
    record("a");
    await answer(null);
    record("b");
    expect(told).toEqual([null]);
    expect(listeners.size).toBe(0);
  });

  test("cost nothing once nobody follows", () => {
    const { ledger, listeners } = createLedger();
    const happenings = createHappenings(ledger);
    const [one, other] = [happenings.follow(() => {}), happenings.follow(() => {})];
    one();
    expect(listeners.size).toBe(1);
    other();
    expect(listeners.size).toBe(0);
  });
});
