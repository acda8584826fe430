import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createSight } from "../../src/daemon/sight.ts";
import { renderNote } from "../../src/document/note.ts";
import { fakeClock } from "../fake-clock.ts";
import { memoryVault } from "../memory-vault.ts";
import { sampleRequest, T0 } from "../sample.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("what a note said is remembered, its bytes are not: thousands may be open", async () => {
  const request = sampleRequest();
  const { id } = request.submission.fields;
  const read: WeakRef<Uint8Array>[] = [];
  const vault = {
    ...memoryVault(),
    read: () => {
      const bytes = new TextEncoder().encode(renderNote(request));
      read.push(new WeakRef(bytes));
      return [{ folder: "pending" as const, name: `${id}.md`, bytes }];
    },
  };
  const sight = createSight({
    vault,
    clock: fakeClock(T0),
    folders: { pending: "P", approved: "A", rejected: "R" },
    kind: () => null,
    otherTexts: { read: () => null, keep: () => {} },
  });
  for (let look = 0; look < 3; look += 1) expect(sight.lookAt(request).found).toHaveLength(1);
  // Until then nothing that was made in this turn is let go.
  await setImmediate();
  collectGarbage();
  expect(read.map((bytes) => bytes.deref()?.length)).toEqual([undefined, undefined, undefined]);
});
