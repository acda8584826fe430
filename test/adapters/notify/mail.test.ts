import { createServer, type Server } from "node:net";
import type { SMTPServerOptions } from "smtp-server";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Mail } from "../../../src/adapters/configuration/channels.ts";
import { mailChannel } from "../../../src/adapters/notify/mail.ts";
import { type Certificate, type MailServer, makeCertificate, openMailServer } from "./mail-server.ts";
import { HOSTILE, hostileMessage, sampleMessage } from "./messages.ts";

let certificate: Certificate;
beforeAll(() => {
  certificate = makeCertificate();
});
afterAll(() => certificate.remove());

const servers: MailServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function open(options?: Parameters<typeof openMailServer>[0]): Promise<MailServer> {
  const server = await openMailServer(options);
  servers.push(server);
  return server;
}

function mail(port: number, rest: Partial<Mail> = {}, env: Record<string, string> = {}) {
  const settings: Mail = {
    kind: "smtp",
    host: "localhost",
    port,
    tls: "none",
    ca: null,
    user: null,
    password: null,
    from: "countersign@example.com",
    to: ["ada@example.com", "grace@example.com"],
    ...rest,
  };
  return mailChannel(settings, env);
}

const never = new AbortController().signal;

/** The headers by name, folded lines joined. */
function headersOf(raw: string): Map<string, string[]> {
  const head = raw.slice(0, raw.indexOf("\r\n\r\n")).replaceAll(/\r\n[ \t]+/g, " ");
  const headers = new Map<string, string[]>();
  for (const line of head.split("\r\n")) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(name.length + 1).trim()]);
  }
  return headers;
}

test("a mail arrives at everybody, with the message's id", async () => {
  const server = await open();
  const message = sampleMessage();
  expect(await mail(server.port)(message, never)).toMatchObject({
    ok: true,
    what: expect.stringContaining("250"),
  });
  const [{ from, to, raw } = { from: "", to: [], raw: "" }] = server.mails;
  expect([from, to]).toEqual(["countersign@example.com", ["ada@example.com", "grace@example.com"]]);
  const headers = headersOf(raw);
  expect(headers.get("message-id")).toEqual([`<${message.id}@example.com>`]);
  expect(headers.get("countersign-message-id")).toEqual([message.id]);
  expect(headers.get("subject")).toEqual(["Waits for your decision: Pay ACME GmbH 1,500.00 EUR"]);
  expect(headers.get("auto-submitted")).toEqual(["auto-generated"]);
  expect(raw).toContain("Decide by: 2026-11-21T10:14:03Z");
});

test.each(HOSTILE.map((text) => [text.slice(0, 60), text]))(
  "a mail stays one mail with any words: %j",
  async (_, text) => {
    const server = await open();
    expect(await mail(server.port)(hostileMessage(text), never)).toMatchObject({ ok: true });
    expect(server.mails).toHaveLength(1);
    const [{ to, raw } = { to: [], raw: "" }] = server.mails;
    expect(to).toEqual(["ada@example.com", "grace@example.com"]);
    const headers = headersOf(raw);
    expect([...headers.keys()].sort()).toEqual([
      "auto-submitted",
      "content-transfer-encoding",
      "content-type",
      "countersign-message-id",
      "date",
      "from",
      "importance",
      "message-id",
      "mime-version",
      "subject",
      "to",
    ]);
    for (const values of headers.values()) expect(values).toHaveLength(1);
    expect(headers.get("content-type")?.[0]).toMatch(/^text\/plain/);
  },
);

test("a mail without recipients of its own goes to those whom the message is for", async () => {
  const server = await open();
  const deliver = mail(server.port, { to: [] });
  expect(await deliver(sampleMessage({ to: ["alan@example.com"] }), never)).toMatchObject({ ok: true });
  expect(server.mails).toMatchObject([{ to: ["alan@example.com"] }]);
  expect(await deliver(sampleMessage(), never)).toMatchObject({ ok: false, fault: "message" });
});

describe("encryption", () => {
  test("is asked for before anything else is said", async () => {
    const { key, cert, file } = certificate;
    const server = await open({ disabledCommands: [], key, cert });
    const deliver = mail(
      server.port,
      { tls: "starttls", ca: file, user: "cs", password: { env: "PASSWORD" } },
      { PASSWORD: "right" },
    );
    expect(await deliver(sampleMessage(), never)).toMatchObject({ ok: true });
    expect(server.mails).toMatchObject([{ secure: true, user: "cs" }]);
  });

  test("from the first byte works too", async () => {
    const { key, cert, file } = certificate;
    const server = await open({ secure: true, key, cert });
    const deliver = mail(server.port, { tls: "implicit", ca: file });
    expect(await deliver(sampleMessage(), never)).toMatchObject({ ok: true });
    expect(server.mails).toMatchObject([{ secure: true }]);
  });

  test("is not done without: a server that has none gets no mail and no password", async () => {
    const server = await open();
    const deliver = mail(
      server.port,
      { tls: "starttls", user: "cs", password: { env: "PASSWORD" } },
      { PASSWORD: "right" },
    );
    expect(await deliver(sampleMessage(), never)).toMatchObject({ ok: false });
    expect(server.mails).toEqual([]);
  });

  test("with somebody else's certificate is refused", async () => {
    const { key, cert } = certificate;
    const server = await open({ disabledCommands: [], key, cert });
    expect(await mail(server.port, { tls: "starttls" })(sampleMessage(), never)).toMatchObject({ ok: false });
    expect(server.mails).toEqual([]);
  });
});

describe("a server that refuses", () => {
  test("who we are concerns every message, and the password is not repeated", async () => {
    const server = await open();
    const deliver = mail(server.port, { user: "cs", password: { env: "PASSWORD" } }, { PASSWORD: "S3CRET" });
    const delivery = await deliver(sampleMessage(), never);
    expect(delivery).toMatchObject({ ok: false, fault: "channel" });
    expect(JSON.stringify(delivery)).not.toContain("S3CRET");
  });

  const refusal = (responseCode: number) => Object.assign(new Error("no"), { responseCode });
  const drain =
    (responseCode: number): NonNullable<SMTPServerOptions["onData"]> =>
    (stream, _session, callback) => {
      stream.on("end", () => callback(refusal(responseCode)));
      stream.resume();
    };

  test.each([
    [
      "every recipient",
      { onRcptTo: (_a: unknown, _s: unknown, done: (e: Error) => void) => done(refusal(550)) },
      "channel",
    ],
    [
      "the sender",
      { onMailFrom: (_a: unknown, _s: unknown, done: (e: Error) => void) => done(refusal(553)) },
      "channel",
    ],
    ["the text", { onData: drain(554) }, "message"],
    ["for now", { onData: drain(451) }, "passing"],
  ])("%s", async (_, options, fault) => {
    const server = await open(options);
    expect(await mail(server.port)(sampleMessage(), never)).toMatchObject({ ok: false, fault });
  });

  test("one of the recipients has the mail for the others", async () => {
    const server = await open({
      onRcptTo: ({ address }, _session, done) => done(address.startsWith("grace") ? refusal(550) : null),
    });
    expect(await mail(server.port)(sampleMessage(), never)).toMatchObject({
      ok: true,
      what: expect.stringContaining("1 of 2 recipients were refused"),
    });
    expect(server.mails).toMatchObject([{ to: ["ada@example.com"] }]);
  });
});

test("a server that says nothing is left when it is called off", async () => {
  const silent: Server = createServer((socket) => void socket.on("error", () => {}));
  const accepted = new Promise<void>((resolve) => silent.once("connection", () => resolve()));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const bound = silent.address();
  const begun = performance.now();
  const off = new AbortController();
  const delivery = mail(typeof bound === "object" && bound !== null ? bound.port : 0)(
    sampleMessage(),
    off.signal,
  );
  await accepted;
  off.abort();
  expect(await delivery).toMatchObject({ ok: false, fault: "passing" });
  // Closes only once the connection is gone.
  await new Promise((resolve) => silent.close(resolve));
  expect(performance.now() - begun).toBeLessThan(15_000);
});

test("a server that is not there is tried again", async () => {
  const server = await openMailServer();
  await server.close();
  expect(await mail(server.port)(sampleMessage(), never)).toMatchObject({ ok: false, fault: "passing" });
});

test("a password that is not there is told by its name", async () => {
  const delivery = await mail(1, { user: "cs", password: { env: "PASSWORD" } })(sampleMessage(), never);
  expect(delivery).toMatchObject({
    ok: false,
    fault: "channel",
    why: "the daemon's environment has no PASSWORD",
  });
});
