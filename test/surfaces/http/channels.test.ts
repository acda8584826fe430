import { afterEach, beforeEach, expect, test } from "vitest";
import type { Channels, ChannelView } from "../../../src/core/channel.ts";
import { Fault } from "../../../src/core/codes.ts";
import { createStage, type Stage } from "./stage.ts";

const OPS: ChannelView = {
  name: "ops",
  kind: "slack",
  events: ["created"],
  trusted: false,
  state: "off",
  waiting: 3,
  tries: 13,
  next_try: null,
  why: "HTTP 503",
  delivered: 7,
  told: 9,
  given_up: 0,
  last: { at: "2026-11-21T09:14:03.000Z", id: "1-x-ops", what: "HTTP 200" },
};

const CHANNELS: Channels = {
  list: () => [OPS],
  async test(name) {
    if (name !== "ops") throw new Fault("unknown_channel");
    return { ok: false, why: "HTTP 503", fault: "passing", after_ms: null };
  },
  enable: async () => ({ ...OPS, state: "ready", why: null }),
};

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

test("reviewers are told how the channels fare, and can try them and switch them on", async () => {
  await stage.serve({}, { channels: CHANNELS });
  const socket = "reviewer";
  expect(await stage.ask("GET /v1/channels", { socket })).toMatchObject({
    status: 200,
    body: { channels: [OPS] },
  });
  expect(await stage.ask("POST /v1/channels/ops/test", { socket })).toMatchObject({
    status: 200,
    body: { ok: false },
  });
  expect(await stage.ask("POST /v1/channels/boss/test", { socket })).toMatchObject({ status: 404 });
  expect(await stage.ask("POST /v1/channels/ops/enable", { socket })).toMatchObject({
    status: 200,
    body: { state: "ready" },
  });
});

test.each(["GET /v1/channels", "POST /v1/channels/ops/test", "POST /v1/channels/ops/enable"])(
  "agents may not %s",
  async (what) => {
    await stage.serve({}, { channels: CHANNELS });
    expect(await stage.ask(what)).toMatchObject({ status: 403, body: { error: { code: "not_allowed" } } });
  },
);

test("where nobody is told, there are no channels", async () => {
  await stage.serve();
  const socket = "reviewer";
  expect(await stage.ask("GET /v1/channels", { socket })).toMatchObject({ body: { channels: [] } });
  expect(await stage.ask("POST /v1/channels/ops/test", { socket })).toMatchObject({
    status: 404,
    body: { error: { code: "unknown_channel" } },
  });
});
