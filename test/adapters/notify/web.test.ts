import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Out } from "../../../src/adapters/configuration/channels.ts";
import { openChannels } from "../../../src/adapters/notify/channels.ts";
import { retryAfter } from "../../../src/adapters/notify/web.ts";
import type { Message } from "../../../src/document/message.ts";
import type { Resolve } from "../../../src/outgoing/address.ts";
import { type Answering, openReceiver, type Received, type Receiver } from "../../outgoing/receiver.ts";
import { T0 } from "../../sample.ts";
import { HOSTILE, hostileMessage, sampleMessage } from "./messages.ts";

let folder = "";
const receivers: Receiver[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cs-web-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  for (const one of receivers.splice(0)) await one.close();
});

async function receiver(answering?: Answering): Promise<Receiver> {
  const one = await openReceiver(answering);
  receivers.push(one);
  return one;
}

interface Options {
  readonly env?: Record<string, string>;
  readonly resolve?: Resolve;
  readonly timeout_ms?: number;
}

function channel(out: Out, { env = {}, ...rest }: Options = {}) {
  const [one] = openChannels(
    [{ name: "ops", events: new Set(), trusted: false, burst: 10, digest: null, out }],
    {
      env,
      now: () => T0,
      cwd: folder,
      start: () => {
        throw new Error("no program is started for a channel of the web");
      },
      platform: "linux",
      ...rest,
    },
  );
  if (one === undefined) throw new Error("unreachable: there is one");
  return (message: Message) => one.deliver(message, new AbortController().signal);
}

function hook(url: string, rest: Partial<Extract<Out, { kind: "webhook" }>> = {}): Out {
  return { kind: "webhook", url: { plain: url }, allow_private: true, secret: { env: "SECRET" }, ...rest };
}

function only(to: Receiver): Received {
  const [first] = to.received;
  if (first === undefined) throw new Error("nothing was received");
  return first;
}

const ENV = { env: { SECRET: `whsec_${Buffer.from("a key of this test's own").toString("base64")}` } };

describe("a webhook", () => {
  test("is signed after the Standard Webhooks specification", async () => {
    const to = await receiver();
    const message = sampleMessage();
    expect(await channel(hook(to.url), ENV)(message)).toEqual({ ok: true, what: "HTTP 204" });
    const { headers, body } = only(to);
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const wanted = createHmac("sha256", "a key of this test's own").update(signed).digest("base64");
    expect(headers).toMatchObject({
      "webhook-id": message.id,
      "webhook-timestamp": String(Math.floor(T0 / 1_000)),
      "webhook-signature": `v1,${wanted}`,
      "countersign-message-id": message.id,
      "content-type": "application/json; charset=utf-8",
    });
    expect(JSON.parse(body)).toMatchObject({
      id: message.id,
      type: "countersign.created",
      timestamp: message.at,
      data: { request: { id: "20261121-091403-payment-7f3k9q", status: "pending" } },
    });
  });

  test("is signed with any other secret as it is", async () => {
    const to = await receiver();
    await channel(hook(to.url), { env: { SECRET: "plain words" } })(sampleMessage());
    const { headers, body } = only(to);
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const wanted = createHmac("sha256", "plain words").update(signed).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${wanted}`);
  });

  test.each(HOSTILE.map((text) => [text.slice(0, 60), text]))("carries any words: %j", async (_, text) => {
    const to = await receiver();
    expect(await channel(hook(to.url), ENV)(hostileMessage(text))).toMatchObject({ ok: true });
    expect(to.received).toHaveLength(1);
    expect(JSON.parse(to.received[0]?.body ?? "").data.request.params.note).toBe(text);
  });
});

describe("what a receiver answers", () => {
  test.each([
    [200, "ok"],
    [202, "ok"],
    [301, "channel"],
    [308, "channel"],
    [400, "message"],
    [401, "channel"],
    [403, "channel"],
    [404, "channel"],
    [408, "passing"],
    [410, "channel"],
    [413, "message"],
    [422, "message"],
    [429, "passing"],
    [500, "passing"],
    [503, "passing"],
  ])("with %i means %s", async (status, meaning) => {
    const to = await receiver((response) => response.writeHead(status).end());
    const delivery = await channel(hook(to.url), ENV)(sampleMessage());
    expect(delivery.ok ? "ok" : delivery.fault).toBe(meaning);
  });

  test("in its own words is told, without the address", async () => {
    const to = await receiver((response, _, { path }) =>
      response.writeHead(400).end(`invalid_payload for ${path} \u001b[31m`),
    );
    const delivery = await channel(hook(`${to.url}services/T0/SECRETPART`), ENV)(sampleMessage());
    expect(delivery).toMatchObject({
      ok: false,
      why: expect.stringContaining("HTTP 400: invalid_payload for …"),
    });
    expect(JSON.stringify(delivery)).not.toContain("SECRETPART");
  });

  test("about when to come back is heard", async () => {
    const to = await receiver((response) => response.writeHead(429, { "retry-after": "120" }).end());
    expect(await channel(hook(to.url), ENV)(sampleMessage())).toMatchObject({ after_ms: 120_000 });
  });

  test.each([
    ["0.75", 750],
    ["3600", 3_600_000],
    [new Date(T0 + 90_000).toUTCString(), 90_000],
    [new Date(T0 - 90_000).toUTCString(), 0],
    ["soon", null],
    [null, null],
  ])("about when to come back may be %j", (header, ms) => {
    expect(retryAfter(header, T0)).toBe(ms);
  });
});

describe("a receiver that does not behave", () => {
  test.each([
    ["hangs", (() => {}) as Answering],
    ["breaks the connection", ((response) => response.socket?.resetAndDestroy()) as Answering],
  ])("and %s costs no more than its time, and is tried again", async (_, answering) => {
    const to = await receiver(answering);
    const deliver = channel(hook(to.url), { ...ENV, timeout_ms: 200 });
    expect(await deliver(sampleMessage())).toMatchObject({ ok: false, fault: "passing" });
  });
});

describe("an address", () => {
  test("of this machine is refused unless it is allowed", async () => {
    const to = await receiver();
    const url = to.url.replace("http:", "https:");
    const delivery = await channel(hook(url, { allow_private: false }), ENV)(sampleMessage());
    expect(delivery).toMatchObject({ ok: false, fault: "channel", why: "127.0.0.1 is not a public address" });
    expect(to.connections()).toBe(0);
  });

  test("whose name leads into a private network is refused", async () => {
    const resolve: Resolve = async () => [{ address: "169.254.169.254", family: 4 }];
    const deliver = channel(hook("https://metadata.example/", { allow_private: false }), { ...ENV, resolve });
    expect(await deliver(sampleMessage())).toMatchObject({ ok: false, fault: "channel" });
  });

  test("that redirects into a private network is not followed", async () => {
    const inner = await receiver();
    const to = await receiver((response) => response.writeHead(302, { location: inner.url }).end());
    expect(await channel(hook(to.url), ENV)(sampleMessage())).toMatchObject({ ok: false, fault: "channel" });
    expect(inner.connections()).toBe(0);
  });

  test.each([
    ["that is not there", {}, /environment has no SLACK_URL/],
    ["that is no URL", { SLACK_URL: "hooks slack com" }, /is not a URL/],
    ["that is not encrypted", { SLACK_URL: "http://hooks.slack.com/T0/S3CRET" }, /is not encrypted/],
    ["with a password in it", { SLACK_URL: "https://a:S3CRET@hooks.slack.com/" }, /has a name or password/],
  ])("%s is told without being told", async (_, env, why) => {
    const out: Out = { kind: "slack", url: { env: "SLACK_URL" }, allow_private: false };
    const delivery = await channel(out, { env })(sampleMessage());
    expect(delivery).toMatchObject({ ok: false, fault: "channel", why: expect.stringMatching(why) });
    expect(JSON.stringify(delivery)).not.toContain("S3CRET");
  });
});

test("each chat gets its own form", async () => {
  const to = await receiver();
  writeFileSync(join(folder, "url"), `${to.url}\n`);
  const url = { file: join(folder, "url") };
  for (const kind of ["slack", "teams", "discord"] as const) {
    expect(await channel({ kind, url, allow_private: true })(sampleMessage())).toMatchObject({ ok: true });
  }
  const ntfy = { topic: { env: "TOPIC" }, token: { env: "TOKEN" }, allow_private: true } as const;
  const env = { TOPIC: "approvals", TOKEN: "tk_secret" };
  await channel({ kind: "ntfy", url, ...ntfy }, { env })(sampleMessage());
  const bodies = to.received.map(({ body }) => Object.keys(JSON.parse(body)));
  expect(bodies).toEqual([
    expect.arrayContaining(["blocks"]),
    expect.arrayContaining(["attachments"]),
    expect.arrayContaining(["embeds"]),
    expect.arrayContaining(["topic"]),
  ]);
  expect(to.received[3]?.headers.authorization).toBe("Bearer tk_secret");
});
