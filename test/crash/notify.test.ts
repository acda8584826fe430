import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Locations, locate } from "../../src/adapters/locations.ts";
import { EXIT } from "../../src/surfaces/cli/exit-codes.ts";
import { type MailServer, openMailServer } from "../adapters/notify/mail-server.ts";
import { type Answering, openReceiver, type Receiver } from "../outgoing/receiver.ts";
import {
  buildProgram,
  call,
  countersign,
  type DaemonProcess,
  launch,
  type Program,
} from "./daemon-process.ts";
import { environment, until } from "./kill-world.ts";

/** The real daemon, killed while it tells people; nobody may miss anything, and nobody may be told it as two things. */
let program: Program;
let base = "";
let places: Locations;
let receiver: Receiver;
let mails: MailServer;
const daemons: DaemonProcess[] = [];

const SECRETS = { HOOK_SECRET: "CANARY-hook-6f1d", SMTP_PASSWORD: "right", CHAT_URL: "CANARY-url-9b2c" };
const HANG: Answering = () => {};
const TAKE: Answering = (response) => void response.writeHead(204).end();

beforeAll(() => {
  program = buildProgram();
}, 60_000);
afterAll(() => program.remove());

async function world(channels: string): Promise<void> {
  base = mkdtempSync(join(tmpdir(), "cs-notify-"));
  receiver = await openReceiver(TAKE);
  mails = await openMailServer();
  const vault = join(base, "vault");
  expect(await countersign(program, ["init", "--vault", vault], environment(base))).toMatchObject({
    exit: EXIT.done,
  });
  const text = channels.replaceAll("RECEIVER", receiver.url).replaceAll("PORT", String(mails.port));
  const actions = "settle: 0s\ngit: off\nactions:\n  note: { run: [cat] }\n";
  writeFileSync(join(base, "countersign.yaml"), `${actions}notify:\n${text}`, { mode: 0o600 });
  places = locate({ vault }, environment(base), base);
}

afterEach(async () => {
  for (const daemon of daemons.splice(0)) {
    daemon.signal("SIGKILL");
    await daemon.ended;
  }
  await receiver.close();
  await mails.close();
  rmSync(base, { recursive: true, force: true, maxRetries: 10 });
});

async function start(): Promise<DaemonProcess> {
  const daemon = launch(program, places.vault, { ...environment(base), ...SECRETS });
  daemons.push(daemon);
  await daemon.ready;
  expect(await call(places.sockets.agent, "GET", "/v1/health"), daemon.log()).not.toBeNull();
  return daemon;
}

async function kill(daemon: DaemonProcess): Promise<void> {
  daemon.signal("SIGKILL");
  await daemon.ended;
}

let asked = 0;
async function ask(title = "Write it down"): Promise<string | null> {
  asked += 1;
  const body = { kind: "note", params: { n: asked }, title };
  const answer = await call(places.sockets.agent, "POST", "/v1/requests", body);
  const request = answer?.body.request as { id: string } | undefined;
  return request?.id ?? null;
}

const messages = () =>
  receiver.received.map(({ headers, body }) => {
    const { id, data } = JSON.parse(body) as {
      id: string;
      data: { request?: { id: string }; counts?: object };
    };
    expect(headers["webhook-id"]).toBe(id);
    return { id, request: data.request?.id ?? null, body };
  });

const HOOK =
  '  hook: { kind: webhook, url: "RECEIVER", allow_private: true, secret: { env: HOOK_SECRET }, burst: 100 }\n';

describe("a daemon that is killed", () => {
  test("between a delivery and its record tells it again under the same id", async () => {
    await world(HOOK);
    receiver.answerWith(HANG);
    const first = await start();
    const id = await ask();
    await receiver.got(1);
    await kill(first);
    receiver.answerWith(TAKE);
    const second = await start();
    await receiver.got(2);
    const [before, again] = messages();
    expect(again?.request).toBe(id);
    expect(again?.id).toBe(before?.id);
    // Told and recorded: a third life repeats nothing, and goes on with what is new.
    await settled(second);
    await kill(second);
    await start();
    const other = await ask();
    await receiver.got(3);
    expect(messages()[2]?.request).toBe(other);
  });

  test("before a delivery tells it once it lives again", async () => {
    await world(HOOK.replace('"RECEIVER"', "{ file: ./url }"));
    // The discard protocol's port, where nobody listens.
    writeFileSync(join(base, "url"), "http://127.0.0.1:9/");
    const first = await start();
    const id = await ask();
    await kill(first);
    writeFileSync(join(base, "url"), receiver.url);
    await start();
    await receiver.got(1);
    expect(messages()[0]?.request).toBe(id);
  });

  test("at any moment loses nothing, and tells nothing under two ids", async () => {
    await world(HOOK);
    const ids: string[] = [];
    for (let life = 0; life < 6; life += 1) {
      const daemon = await start();
      const alive = receiver.received.length;
      // Somewhere between the first delivery of this life and what is recorded of the fourth.
      const dying = receiver
        .got(alive + 1 + (life % 4))
        .then(() => new Promise((resolve) => setTimeout(resolve, life)))
        .then(() => kill(daemon));
      // Fewer in all than would be told together.
      for (let n = 0; n < 15; n += 1) {
        const id = await ask();
        if (id !== null) ids.push(id);
      }
      await dying;
    }
    const daemon = await start();
    await settled(daemon);
    expect(ids.length).toBeGreaterThan(5);
    const byRequest = new Map<string, Set<string>>();
    for (const { id, request } of messages()) {
      expect(request, "nothing was told together").not.toBeNull();
      byRequest.set(request ?? "", (byRequest.get(request ?? "") ?? new Set()).add(id));
    }
    for (const id of ids) expect(byRequest.get(id)?.size, id).toBe(1);
    for (const told of byRequest.values()) expect(told.size).toBe(1);
  });
});

/** Waits until the outbox says that everything is told and recorded. */
async function settled(daemon: DaemonProcess): Promise<void> {
  let done = false;
  const look = async () => {
    const answer = await call(places.sockets.reviewer, "GET", "/v1/channels");
    const channels = answer?.body.channels as { waiting: number; state: string }[] | undefined;
    done = channels?.every(({ waiting, state }) => waiting === 0 && state === "ready") ?? false;
  };
  await until("all is told", daemon, () => {
    void look();
    return done;
  });
}

describe("a receiver that never answers", () => {
  test("holds up neither decisions nor other channels nor the end", async () => {
    await world(
      `${HOOK}  mail: { kind: smtp, host: 127.0.0.1, port: PORT, tls: none, from: a@example.com, to: [b@example.com] }\n`,
    );
    receiver.answerWith(HANG);
    const daemon = await start();
    const words = ["request", "--kind", "note", "--param", "text=x", "--wait", "--vault", places.vault];
    const waiting = countersign(program, words, environment(base));
    await receiver.got(1);
    await until("a mail is there", daemon, () => mails.mails.length === 1);
    const id = messages()[0]?.request ?? "";
    const decision = { verb: "approve", reviewer: "ada" };
    const answer = await call(places.sockets.reviewer, "POST", `/v1/requests/${id}/decide`, decision);
    expect(answer?.status).toBe(200);
    expect(await waiting).toMatchObject({ exit: EXIT.done });
    expect(receiver.received).toHaveLength(1);
    const begun = performance.now();
    daemon.signal("SIGTERM");
    expect(await daemon.ended).toEqual({ exit: 0, signal: null });
    // A time-out of the channel's would be ten seconds.
    expect(performance.now() - begun).toBeLessThan(8_000);
  });
});

describe("secrets", () => {
  test("are nowhere but where they were, whatever fails", async () => {
    await world(
      [
        HOOK,
        "  chat: { kind: slack, url: { env: CHAT_URL }, burst: 100 }\n",
        "  mail: { kind: smtp, host: 127.0.0.1, port: PORT, tls: none, user: cs, password: { env: SMTP_PASSWORD }, ",
        "from: a@example.com, to: [b@example.com] }\n",
      ].join(""),
    );
    let turn = 0;
    receiver.answerWith((response, _, { headers }) => {
      turn += 1;
      // A receiver that repeats all that it was sent.
      response.writeHead(turn % 2 === 0 ? 204 : 400).end(JSON.stringify(headers));
    });
    const daemon = await start();
    for (let n = 0; n < 4; n += 1) await ask("Tell <!channel> @everyone");
    for (const name of ["chat", "hook", "mail"]) {
      await countersign(program, ["notify", "test", name, "--vault", places.vault], environment(base));
    }
    await receiver.got(5);
    const listed = await countersign(program, ["notify", "list", "--vault", places.vault], environment(base));
    expect(listed.out).toContain("its URL is not a URL");
    daemon.signal("SIGTERM");
    await daemon.ended;
    const files = readdirSync(base, { recursive: true, encoding: "utf8" })
      .map((name) => join(base, name))
      .filter((path) => statSync(path).isFile());
    expect(files.length).toBeGreaterThan(10);
    for (const path of files) expect(readFileSync(path, "latin1"), path).not.toContain("CANARY");
    expect(daemon.log() + listed.out).not.toContain("CANARY");
    expect(mails.mails.length).toBeGreaterThan(0);
  });
});
