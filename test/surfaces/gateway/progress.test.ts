import { setImmediate } from "node:timers/promises";
import type { ServerContext } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import { progressLine } from "../../../src/surfaces/gateway/progress.ts";

/** A client that takes what it is told one by one, when the test lets it. */
function slowClient() {
  const taken: { progress: number; message?: string }[] = [];
  let take = () => {};
  const notify = ({ params }: { params: (typeof taken)[number] }) => {
    taken.push(params);
    return new Promise<void>((resolve) => {
      take = resolve;
    });
  };
  const line = progressLine({
    mcpReq: { _meta: { progressToken: "t" }, notify },
  } as unknown as ServerContext);
  const next = async () => {
    take();
    await setImmediate();
  };
  if (line === null) throw new Error("it wants to be told");
  return { taken, line, next };
}

test("a client that is too slow for its server is told the latest, and it goes up", async () => {
  const { taken, line, next } = slowClient();
  for (let at = 1; at <= 10_000; at += 1) line.pass({ progress: at, message: `step ${at}` });
  for (let count = 0; count < 101; count += 1) await next();
  expect(taken).toHaveLength(101);
  expect(taken[0]?.message).toBe("step 1");
  expect(taken.at(-1)?.message).toBe("step 10000");
  for (const [at, { progress }] of taken.entries())
    expect(progress).toBeGreaterThan(taken[at - 1]?.progress ?? 0);
  line.beat("alive");
  expect(taken).toHaveLength(102);
});

test("what has not been told when the call is over is not told any more", async () => {
  const { taken, line, next } = slowClient();
  line.pass({ progress: 1 });
  line.pass({ progress: 2 });
  line.end();
  line.pass({ progress: 3 });
  await next();
  await next();
  expect(taken).toHaveLength(1);
});
