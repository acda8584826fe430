import { expect, test } from "vitest";
import type { Gateway } from "../../../src/surfaces/gateway/gateway.ts";
import { createGatewayServer } from "../../../src/surfaces/gateway/server.ts";
import type { Notice } from "../../../src/surfaces/gateway/upstream.ts";

test("a server that logs without end does not fill the memory where its client reads nothing", async () => {
  let tell: (notice: Notice) => unknown = () => {};
  const capabilities = { logging: {}, tools: { listChanged: true } };
  const gateway = {
    options: { version: "1" },
    places: [{ upstream: { name: "fs", known: { capabilities, instructions: "" } } }],
    follow: (follower: typeof tell) => {
      tell = follower;
      return () => {};
    },
  } as unknown as Gateway;
  const server = createGatewayServer(gateway, { name: null, lasting: true });
  const sent: string[] = [];
  const reading: (() => void)[] = [];
  await server.connect({
    start: async () => {},
    close: async () => {},
    send(message) {
      sent.push((message as { method: string }).method);
      return new Promise((resolve) => void reading.push(resolve));
    },
  });
  const log = { type: "log", params: { level: "info", data: "x" } } as const;
  for (let count = 0; count < 5_000; count += 1) tell(log);
  await expect.poll(() => sent.length).toBe(1_000);
  // What has changed is not one of many.
  const told = tell({ type: "tools" });
  await expect.poll(() => sent.at(-1)).toBe("notifications/tools/list_changed");
  for (const read of reading) read();
  await told;
  tell(log);
  await expect.poll(() => sent.length).toBe(1_002);
});
