import fc from "fast-check";
import { expect, test } from "vitest";
import { isClosed, type Request, type RequestId } from "../../src/core/request.ts";
import { fold } from "../../src/core/transitions.ts";
import { openJournal } from "../../src/ledger/journal.ts";
import { verifyJournal } from "../../src/ledger/verify.ts";
import { CrashFiles } from "./crash-files.ts";
import { allowedEvent, idOf, recordsOf, seeded, tellAll } from "./story.ts";

const IDS = 6;

/** What a person does: says something to a request, in one event or several, and now and then starts anew. */
const deed = fc.record({
  n: fc.nat(IDS - 1),
  events: fc.integer({ min: 1, max: 3 }),
  lazy: fc.boolean(),
  together: fc.boolean(),
  restart: fc.nat(9).map((chance) => chance === 0),
});

test("any history is told the same by the journal, by a plain fold and by every later start", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(deed, { maxLength: 60 }),
      fc.integer(),
      fc.integer({ min: 500, max: 9_000 }),
      async (deeds, seed, segmentBytes) => {
        const random = seeded(seed);
        const files = new CrashFiles();
        const options = { directory: "", files, segmentBytes };
        const expected = new Map<RequestId, Request>();
        let journal = await openJournal(options);
        let waiting: Promise<unknown>[] = [];
        for (const { n, events, lazy, together, restart } of deeds) {
          const id = idOf(n);
          let request = expected.get(id) ?? null;
          const from = request?.revision ?? 0;
          const said = [];
          for (let count = 0; count < events; count += 1) {
            const event = allowedEvent(request, n, random);
            request = fold([event], request);
            said.push(event);
          }
          if (request !== null) expected.set(id, request);
          waiting.push(journal.append(id, from, said, { lazy }));
          if (together && !restart) continue;
          await Promise.all(waiting);
          waiting = [];
          if (restart) {
            await journal.close();
            journal = await openJournal(options);
          }
        }
        await Promise.all(waiting);
        const told = await tellAll(journal, IDS);
        expect(told.requests).toEqual(Array.from({ length: IDS }, (_, n) => expected.get(idOf(n)) ?? null));
        const submitted = told.records.filter(({ event }) => event.type === "submitted").map(({ id }) => id);
        expect([...submitted].sort()).toEqual([...expected.keys()].sort());
        const isOpen = (id: RequestId) =>
          expected.get(id) !== undefined && !isClosed(expected.get(id) as Request);
        expect(told.open).toEqual(submitted.filter(isOpen));
        expect(told.records.map(({ seq }) => seq)).toEqual(told.records.map((_, index) => index + 1));
        const middle = Math.floor(told.records.length / 2);
        expect(await recordsOf(journal, middle)).toEqual(told.records.slice(middle));
        await journal.close();
        expect(await verifyJournal({ directory: "", files, expectedHead: told.head })).toEqual({
          records: told.records.length,
          requests: expected.size,
          head: told.head,
          problems: [],
        });
        const again = await openJournal(options);
        expect(await tellAll(again, IDS)).toEqual(told);
        await again.close();
      },
    ),
    { numRuns: 100 },
  );
});
