import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type CommandLink, openCommandLink } from "../../src/handlers/command-link.ts";
import { moduleService, webhookService } from "../../src/handlers/service.ts";
import type { Receiver as Address } from "../../src/outgoing/signed-post.ts";
import { type Answering, openReceiver, type Receiver } from "../outgoing/receiver.ts";
import { processes, spawnersOf, until } from "./processes.ts";

const QUESTION = {
  version: 1,
  id: "20261121-091403-payment-7f3k9q",
  digest: "sha256:9b1c",
  params: { a: "ü" },
};
const ANSWER = { id: QUESTION.id, digest: QUESTION.digest, decision: "approve" };
const PORTS = { take: <T>(ask: () => Promise<T>) => ask(), now: () => 1_795_252_443_000 };
const never = new AbortController().signal;

describe("a service behind a webhook", () => {
  const receivers: Receiver[] = [];
  afterEach(async () => {
    for (const receiver of receivers.splice(0)) await receiver.close();
  });

  async function receiver(answering: Answering): Promise<Receiver> {
    const one = await openReceiver(answering);
    receivers.push(one);
    return one;
  }

  const found = (text: string) => () => ({ ok: true, text }) as const;

  function ask(url: string, more: Partial<Address> = {}, timeout_ms = 10_000, signal = never) {
    const address = { url: found(url), secret: found("s3cret"), allow_private: true, ...more };
    return webhookService("countersign", address, timeout_ms, PORTS).ask(QUESTION, signal);
  }

  const json = (value: unknown): Answering => {
    return (response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  };

  test("is sent the question, signed, under an id that stays the same, and its answer is given", async () => {
    const to = await receiver(json(ANSWER));
    expect(await ask(to.url)).toEqual(ANSWER);
    await ask(to.url);
    const [first, again] = to.received;
    expect(JSON.parse(first?.body ?? "")).toEqual(QUESTION);
    const id = "review-9b1c";
    const signature = createHmac("sha256", "s3cret")
      .update(`${id}.1795252443.${first?.body}`)
      .digest("base64");
    expect(first?.headers).toMatchObject({
      "webhook-id": id,
      "webhook-timestamp": "1795252443",
      "webhook-signature": `v1,${signature}`,
      "content-type": "application/json; charset=utf-8",
    });
    expect(again?.headers["webhook-id"]).toBe(id);
  });

  const WRONG: [string, Answering, string][] = [
    ["an error", (response) => response.writeHead(500).end(JSON.stringify(ANSWER)), "It answered HTTP 500."],
    [
      "a reset",
      (response) => response.socket?.resetAndDestroy(),
      "It did not answer: the connection broke (ECONNRESET).",
    ],
    ["garbage", (response) => response.end("<html>approve</html>"), "Its answer is not plain JSON: "],
    [
      "a word that is there twice",
      (response) => response.end('{"decision":"reject","decision":"approve"}'),
      "Its answer is not plain JSON: Line 1, column 22: the key decision is there twice.",
    ],
    [
      "an answer of 5 MB",
      (response) => response.end(JSON.stringify({ ...ANSWER, reason: "x".repeat(5_000_000) })),
      "Its answer is longer than 65536 bytes.",
    ],
    [
      "an answer that breaks off",
      (response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write(JSON.stringify(ANSWER), () => response.destroy());
      },
      "Its answer broke off.",
    ],
    ["nothing", (response) => response.writeHead(204).end(), "Its answer is not plain JSON: "],
  ];

  test.each(WRONG)("that answers with %s has given no answer", async (_, answering, why) => {
    const to = await receiver(answering);
    await expect(ask(to.url)).rejects.toThrow(why);
  });

  test("that hangs has given no answer when its time is over", async () => {
    const to = await receiver(() => {});
    await expect(ask(to.url, {}, 200)).rejects.toThrow(
      "It did not answer: there was no answer within 0.2 s.",
    );
  });

  test("that sends elsewhere is not followed there", async () => {
    const inner = await receiver(json(ANSWER));
    const to = await receiver((response) => response.writeHead(307, { location: inner.url }).end());
    await expect(ask(to.url)).rejects.toThrow("It answered HTTP 307: redirects are not followed.");
    expect(inner.connections()).toBe(0);
  });

  test("on this machine is not connected to, unless that is allowed", async () => {
    const to = await receiver(json(ANSWER));
    const https = to.url.replace("http:", "https:");
    const refused = ask(https, { allow_private: false });
    await expect(refused).rejects.toThrow("It could not be asked: 127.0.0.1 is not a public address.");
    const plain = ask(to.url, { allow_private: false });
    await expect(plain).rejects.toThrow("its URL is not encrypted");
    expect(to.connections()).toBe(0);
  });

  test("whose secret is not there is not sent anything", async () => {
    const to = await receiver(json(ANSWER));
    const secret = () => ({ ok: false, why: "the daemon's environment has no REVIEW_SECRET" }) as const;
    await expect(ask(to.url, { secret })).rejects.toThrow("has no REVIEW_SECRET");
    expect(to.connections()).toBe(0);
  });

  test("is called off by its signal", async () => {
    const to = await receiver(() => {});
    const off = new AbortController();
    const asked = ask(to.url, {}, 10_000, off.signal);
    await to.got(1);
    off.abort();
    await expect(asked).rejects.toThrow("It did not answer: it was called off.");
  });
});

describe("a service that is a file", () => {
  let folder: string;
  let link: CommandLink;
  beforeAll(() => {
    process.env.COUNTERSIGN_CANARY = "canary-1";
    folder = mkdtempSync(join(tmpdir(), "service-"));
    link = openCommandLink();
  });
  afterAll(async () => {
    delete process.env.COUNTERSIGN_CANARY;
    link.close();
    await until(() => spawnersOf(process.pid).length === 0);
    rmSync(folder, { recursive: true });
  });

  let files = 0;
  function ask(source: string, { timeout_ms = 20_000, env = {}, signal = never } = {}) {
    files += 1;
    const file = join(folder, `review-${files}.mjs`);
    writeFileSync(file, source);
    return moduleService("countersign", { file, cwd: folder, env, timeout_ms }, link, PORTS).ask(
      QUESTION,
      signal,
    );
  }

  const REPEAT = "({ id, digest }) => ({ id, digest, decision: 'approve' })";

  test("is given the question, and what it gives is the answer", async () => {
    expect(await ask(`export const review = ${REPEAT}`)).toEqual(ANSWER);
    expect(await ask("export const review = async (question) => question")).toEqual(QUESTION);
  });

  test("may print beside its answer whatever it likes", async () => {
    const source = `
      import { execFileSync } from "node:child_process";
      import { writeSync } from "node:fs";
      console.log('{"decision":"reject"}');
      export function review({ id, digest }) {
        process.stdout.write('{"decision":"reject"}'.repeat(10_000));
        writeSync(1, '{"decision":"reject"}');
        execFileSync("/bin/echo", ["reject"], { stdio: "inherit" });
        return { id, digest, decision: "approve" };
      }`;
    expect(await ask(source)).toEqual(ANSWER);
  });

  test("finds in its environment what is named, and runs where the configuration is", async () => {
    const source = "export const review = () => ({ env: process.env, cwd: process.cwd() })";
    expect(await ask(source, { env: { LISTS: "eu" } })).toEqual({ env: { LISTS: "eu" }, cwd: folder });
  });

  const WRONG: [string, string, RegExp][] = [
    ["throws", "export const review = () => { throw new Error('no list') }", /^It failed: no list$/],
    ["rejects", "export const review = async () => { throw 'no list' }", /^It failed: no list$/],
    [
      "ends itself",
      `export const review = (q) => { console.log(JSON.stringify((${REPEAT})(q))); process.exit(0) }`,
      /ended with exit code 0 and gave nothing/,
    ],
    [
      "breaks beside its answer",
      "export const review = () => new Promise(() => setTimeout(() => { throw new Error('late') }))",
      /exit code 1 and gave nothing/,
    ],
    [
      "kills itself",
      "export const review = () => process.kill(process.pid, 'SIGKILL')",
      /the signal SIGKILL/,
    ],
    ["exports something else", `export const reviews = ${REPEAT}`, /it exports no function review/],
    ["cannot be read", "export const review = (", /^There is no answer: /],
    ["gives no JSON", "export const review = () => ({ id: 1n })", /^Its answer is no JSON/],
    [
      "gives 5 MB",
      `export const review = (q) => ({ ...(${REPEAT})(q), reason: 'x'.repeat(5e6) })`,
      /longer than 65536 bytes/,
    ],
    [
      "prints 5 MB past `process.stdout`",
      `import { writeSync } from 'node:fs';
       export const review = (q) => { for (let n = 0; n < 500; n++) writeSync(1, 'x'.repeat(1e4)); return (${REPEAT})(q) }`,
      /gave nothing/,
    ],
  ];

  test.each(WRONG)("and %s has given no answer", async (_, source, why) => {
    await expect(ask(source)).rejects.toThrow(why);
  });

  test("and fills its memory is ended alone", async () => {
    const source =
      "export const review = () => { const all = []; for (;;) all.push(new Array(1e6).fill({})) }";
    await expect(ask(source)).rejects.toThrow(/ended by the signal SIG(ABRT|TRAP|SEGV)/);
  });

  test("and is not there has given no answer", async () => {
    const spec = { file: join(folder, "gone.mjs"), cwd: folder, env: {}, timeout_ms: 20_000 };
    const asked = moduleService("countersign", spec, link, PORTS).ask(QUESTION, never);
    await expect(asked).rejects.toThrow(/There is no answer: Cannot find module/);
  });

  const HANG = (file: string) => `
    import { writeFileSync } from "node:fs";
    export const review = (_, { signal }) => {
      writeFileSync(${JSON.stringify(file)}, String(process.pid));
      signal.addEventListener("abort", () => writeFileSync(${JSON.stringify(`${file}-told`)}, String(signal.reason)));
      setInterval(() => {}, 1000);
      return new Promise(() => {});
    };`;

  test("and hangs is ended when its time is over", async () => {
    await expect(ask(HANG(join(folder, "pid-1")), { timeout_ms: 500 })).rejects.toThrow(
      "it took longer than 0.5 s",
    );
  });

  test("is told that it is called off, then ended", async () => {
    const file = join(folder, "pid-2");
    const off = new AbortController();
    const asked = ask(HANG(file), { signal: off.signal });
    await until(() => existsSync(file) && readFileSync(file, "utf8") !== "");
    off.abort();
    await expect(asked).rejects.toThrow("it was called off");
    expect(readFileSync(`${file}-told`, "utf8")).toBe("Error: the time for it is over");
    const pid = Number(readFileSync(file, "utf8"));
    expect(processes().filter((one) => one.pid === pid)).toEqual([]);
  });
});
