import type { Ledger } from "./daemon/ports.ts";

/** How many records are looked back at first; twice as many whenever that is not far enough. */
const RECORDS = 10_000;

/** The number behind which the ledger's records are no older than that, and some before it that are. */
export async function firstSince(ledger: Ledger, since: number): Promise<number> {
  const { seq } = ledger.head();
  for (let count = RECORDS; count < seq; count *= 2) {
    for await (const { event } of ledger.records(seq - count)) {
      if (Date.parse(event.at) < since) return seq - count;
      break;
    }
  }
  return 0;
}
