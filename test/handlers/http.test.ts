import { createHmac } from "node:crypto";
import { createServer } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import type { EffectClass } from "../../src/core/request.ts";
import { createHttpHandler, type HttpJob, type HttpOptions, type HttpSpec } from "../../src/handlers/http.ts";
import type { Receiver as Address } from "../../src/outgoing/signed-post.ts";
import { fillUrl } from "../../src/outgoing/url-template.ts";
import { type Answering, openReceiver, type Receiver } from "../outgoing/receiver.ts";

const NOW = 1_795_252_443_000;
const JOB: HttpJob = {
  id: "20261121-091403-deploy-7f3k9q",
  digest: "sha256:9b1c",
  kind: "deploy",
  params: { service: "shop/../admin?x=1#y", replicas: 3 },
  attempt: {
    number: 1,
    idempotency_key: "20261121-091403-deploy-7f3k9q-1",
    executor: "daemon",
    deadline: null,
  },
  effect: "unsafe",
  approved_by: ["ada"],
};
const never = new AbortController().signal;

const receivers: Receiver[] = [];
afterEach(async () => {
  for (const receiver of receivers.splice(0)) await receiver.close();
});

async function receiver(answering: Answering): Promise<Receiver> {
  const one = await openReceiver(answering);
  receivers.push(one);
  return one;
}

interface Ways extends Partial<HttpOptions> {
  readonly url: string;
  readonly address?: Partial<Address>;
  readonly spec?: Partial<HttpSpec>;
  readonly job?: Partial<HttpJob>;
  readonly shutdown?: AbortSignal;
  readonly again?: (number: number, because: string) => Promise<boolean>;
}

const found = (text: string) => () => ({ ok: true, text }) as const;

function run({ url, address = {}, spec = {}, job = {}, shutdown = never, again, ...options }: Ways) {
  const execute = createHttpHandler({ now: () => NOW, pauses_ms: [1, 1, 1], ...options });
  const whole = { url: found(url), secret: found("s3cret"), allow_private: true, ...address };
  const settings = { receiver: whole, method: "POST", timeout_ms: 20_000, ...spec };
  return execute({ ...JOB, ...job }, settings, shutdown, again ?? (async () => true));
}

const status = (code: number, body = ""): Answering => {
  return (response) => void response.writeHead(code).end(body);
};
const HANG: Answering = () => {};
const RESET: Answering = (response) => void response.socket?.resetAndDestroy();

describe("what is sent", () => {
  test("is the action as programs get it, signed, with the key in three places", async () => {
    const to = await receiver(status(200, '{"release": 7}'));
    expect(await run({ url: `${to.url}deploy` })).toEqual({ status: "executed", result: { release: 7 } });
    const [one] = to.received;
    const { id, digest, kind, params, approved_by } = JOB;
    const idempotency_key = `${id}-1`;
    const document = { id, digest, kind, params, attempt: 1, idempotency_key, approved_by };
    expect(JSON.parse(one?.body ?? "")).toEqual(document);
    const signed = `${idempotency_key}.1795252443.${one?.body}`;
    expect(one).toMatchObject({
      path: "/deploy",
      headers: {
        "webhook-id": idempotency_key,
        "webhook-timestamp": "1795252443",
        "webhook-signature": `v1,${createHmac("sha256", "s3cret").update(signed).digest("base64")}`,
        "idempotency-key": idempotency_key,
        "countersign-attempt": "1",
        "content-type": "application/json; charset=utf-8",
      },
    });
  });

  test("has params in its URL only where the configuration puts them, each inside its own place", async () => {
    const to = await receiver(status(204));
    expect(await run({ url: `${to.url}s/{service}?n={replicas}` })).toEqual({
      status: "executed",
      result: null,
    });
    expect(to.received[0]?.path).toBe("/s/shop%2F..%2Fadmin%3Fx%3D1%23y?n=3");
  });

  test.each([
    ["a param that would climb", { service: ".." }, "The params would change where its URL leads."],
    ["a param that is not there", {}, "Its URL needs the param service"],
    ["a param that is empty", { service: "" }, "Its URL needs the param service"],
    ["a param that is a map", { service: { a: 1 } }, "Its URL needs the param service"],
  ])("is nothing for %s", async (_, params, why) => {
    const to = await receiver(status(204));
    const outcome = await run({ url: `${to.url}s/{service}/x`, job: { params } });
    expect(outcome).toEqual({ status: "failed", error: expect.stringContaining(why) });
    expect(to.connections()).toBe(0);
  });

  test("leads to the same host and as deep, whatever the params hold", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom("..", ".", "%2e%2e", "//evil.example", "\\", "@evil", "\u0000"),
    );
    fc.assert(
      fc.property(piece, piece, (a, b) => {
        const filled = fillUrl("https://api.example/v1/{a}{b}/end?x={b}", { a, b });
        if (!filled.ok) return;
        const url = new URL(filled.text);
        expect([url.host, url.pathname.split("/").length, url.hash]).toEqual(["api.example", 4, ""]);
        expect(url.pathname.endsWith("/end")).toBe(true);
        expect(url.searchParams.getAll("x")).toEqual([b]);
        expect(decodeURIComponent(url.pathname.slice(4, -4))).toBe(a + b);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("what it means", () => {
  const MEANINGS: [string, Answering, object][] = [
    ["text", status(201, "done"), { status: "executed", result: "done" }],
    [
      "a client error",
      status(422, "no such service"),
      FAILED("The receiver answered HTTP 422: no such service"),
    ],
    ["401", status(401), FAILED("The receiver answered HTTP 401.")],
    ["404", status(404), FAILED("The receiver answered HTTP 404.")],
    ["408", status(408), UNKNOWN("The receiver answered HTTP 408.")],
    ["409", status(409, "busy"), UNKNOWN("The receiver answered HTTP 409: busy")],
    ["429", status(429), UNKNOWN("The receiver answered HTTP 429.")],
    ["a server error", status(500), UNKNOWN("The receiver answered HTTP 500.")],
    ["503", status(503), UNKNOWN("The receiver answered HTTP 503.")],
    ["a reset", RESET, UNKNOWN("It was sent, but the connection broke (ECONNRESET).")],
    [
      "a yes that breaks off",
      (response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("{", () => response.destroy());
      },
      UNKNOWN("The receiver answered HTTP 200: { Then its answer broke off."),
    ],
  ];

  function FAILED(error: string) {
    return { status: "failed", error };
  }
  function UNKNOWN(cause: string) {
    return { status: "unknown", cause };
  }

  test.each(MEANINGS)("%s", async (_, answering, outcome) => {
    const to = await receiver(answering);
    expect(await run({ url: to.url })).toEqual(outcome);
    expect(to.received).toHaveLength(1);
  });

  test("a long answer is kept as far as it goes, as text", async () => {
    const to = await receiver(status(200, JSON.stringify("x".repeat(5_000_000))));
    const outcome = await run({ url: to.url });
    expect(outcome.status).toBe("executed");
    const text = String("result" in outcome && outcome.result);
    expect([text.length < 1_100_000, text.slice(-40)]).toEqual([
      true,
      expect.stringContaining("[cut: the first 1048576 bytes]"),
    ]);
  });

  test("a redirect is not followed, and nobody knows what it means", async () => {
    const inner = await receiver(status(200));
    const to = await receiver((response) => void response.writeHead(303, { location: inner.url }).end());
    const outcome = await run({ url: to.url, job: { effect: "key" } });
    expect(outcome).toEqual(UNKNOWN("The receiver answered HTTP 303. Redirects are not followed."));
    expect([inner.connections(), to.received.length]).toEqual([0, 1]);
  });

  test("no answer in time", async () => {
    const to = await receiver(HANG);
    const outcome = await run({ url: to.url, spec: { timeout_ms: 200 } });
    expect(outcome).toEqual(UNKNOWN("It was sent, but there was no answer within 0.2 s."));
  });

  test("no answer within the time that the rule gives it", async () => {
    const to = await receiver(HANG);
    const attempt = { ...JOB.attempt, constraints: { max_runtime_sec: 1 } };
    const outcome = await run({ url: to.url, job: { attempt } });
    expect(outcome).toEqual(UNKNOWN("It was sent, but there was no answer within 1 s."));
  });

  test("nobody there: nothing was sent", async () => {
    const gone = await receiver(HANG);
    await gone.close();
    expect(await run({ url: gone.url })).toEqual(
      FAILED("It was not sent: there was no connection (ECONNREFUSED)."),
    );
  });

  test("a connection that breaks before a secure one stands: nothing was sent", async () => {
    const server = createServer((socket) =>
      socket.on("error", () => {}).once("data", () => socket.destroy()),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    const port = typeof bound === "object" ? bound?.port : 0;
    const outcome = await run({ url: `https://127.0.0.1:${port}/` });
    expect(outcome).toMatchObject({
      status: "failed",
      error: expect.stringMatching(/^It was not sent: there was no con/),
    });
    await new Promise((resolve) => server.close(resolve));
  });

  test("this machine, where that is not allowed, and a secret that is not there: nothing was sent", async () => {
    const to = await receiver(status(200));
    const url = to.url.replace("http:", "https:");
    expect(await run({ url, address: { allow_private: false } })).toEqual(
      FAILED("It was not sent: 127.0.0.1 is not a public address."),
    );
    const secret = () => ({ ok: false, why: "the daemon's environment has no DEPLOY" }) as const;
    expect(await run({ url: to.url, address: { secret } })).toEqual(
      FAILED("It was not sent: the daemon's environment has no DEPLOY."),
    );
    expect(to.connections()).toBe(0);
  });
});

describe("another attempt", () => {
  const failing = (times: number, bad: Answering, then = status(200, '"ok"')): Answering => {
    return (response, n, received) => (n <= times ? bad : then)(response, n, received);
  };

  test("is never made of what is unsafe", async () => {
    for (const bad of [status(503), RESET]) {
      const to = await receiver(bad);
      let asked = 0;
      const again = async () => {
        asked += 1;
        return true;
      };
      expect(await run({ url: to.url, again })).toMatchObject({ status: "unknown" });
      expect([to.received.length, asked]).toEqual([1, 0]);
    }
  });

  test.each<EffectClass>(["natural", "key", "lookup"])(
    "of %s is the same bytes, once it is recorded",
    async (effect) => {
      const to = await receiver(failing(2, status(503)));
      const recorded: [number, string, number][] = [];
      const again = async (number: number, because: string) => {
        recorded.push([number, because, to.received.length]);
        return true;
      };
      expect(await run({ url: to.url, job: { effect }, again })).toEqual({
        status: "executed",
        result: "ok",
      });
      const because = "The receiver answered HTTP 503.";
      expect(recorded).toEqual([
        [2, because, 1],
        [3, because, 2],
      ]);
      const same = to.received.map(({ body, headers }) => [
        body,
        headers["webhook-id"],
        headers["idempotency-key"],
      ]);
      expect(new Set(same.map(String)).size).toBe(1);
      expect(to.received.map(({ headers }) => headers["countersign-attempt"])).toEqual(["1", "2", "3"]);
    },
  );

  test("is made three times at the most", async () => {
    const to = await receiver(status(503));
    expect(await run({ url: to.url, job: { effect: "key" } })).toMatchObject({ status: "unknown" });
    expect(to.received).toHaveLength(4);
  });

  test("is not made where it may not be recorded", async () => {
    const to = await receiver(status(503));
    const again = async () => false;
    expect(await run({ url: to.url, job: { effect: "key" }, again })).toMatchObject({ status: "unknown" });
    expect(to.received).toHaveLength(1);
  });

  test("that is refused says nothing about the one before, which may have happened", async () => {
    const to = await receiver(failing(1, RESET, status(422)));
    expect(await run({ url: to.url, job: { effect: "key" } })).toEqual({
      status: "unknown",
      cause: "It was sent, but the connection broke (ECONNRESET).",
    });
  });

  test("is made of what was never sent, and then it failed", async () => {
    const gone = await receiver(HANG);
    await gone.close();
    let asked = 0;
    const again = async () => {
      asked += 1;
      return true;
    };
    expect(await run({ url: gone.url, job: { effect: "natural" }, again })).toMatchObject({
      status: "failed",
    });
    expect(asked).toBe(3);
  });

  test("fits into the time of the whole", async () => {
    const to = await receiver(HANG);
    const begun = performance.now();
    const spec = { timeout_ms: 2_000 };
    expect(await run({ url: to.url, job: { effect: "key" }, spec })).toMatchObject({ status: "unknown" });
    // Each has had its share; timers may be late, but not by another whole time.
    expect(to.received.length).toBeGreaterThan(1);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

describe("a shutdown", () => {
  test("before the start sends nothing", async () => {
    const to = await receiver(status(200));
    expect(await run({ url: to.url, shutdown: AbortSignal.abort() })).toMatchObject({ status: "failed" });
    expect(to.connections()).toBe(0);
  });

  test("waits a while for the answer, then leaves it unknown", async () => {
    const to = await receiver(HANG);
    const off = new AbortController();
    const running = run({ url: to.url, shutdown: off.signal, shutdown_grace_ms: 50 });
    await to.got(1);
    off.abort();
    expect(await running).toEqual({ status: "unknown", cause: "It was sent, but it was called off." });
  });

  test("takes the answer that still comes", async () => {
    const answer = Promise.withResolvers<void>();
    const to = await receiver((response) => void answer.promise.then(() => response.end('"ok"')));
    const off = new AbortController();
    const running = run({ url: to.url, shutdown: off.signal, shutdown_grace_ms: 30_000 });
    await to.got(1);
    off.abort();
    answer.resolve();
    expect(await running).toEqual({ status: "executed", result: "ok" });
  });

  test("ends the pause before another attempt", async () => {
    const to = await receiver(status(503));
    const off = new AbortController();
    const running = run({
      url: to.url,
      shutdown: off.signal,
      job: { effect: "key" },
      spec: { timeout_ms: 600_000 },
      pauses_ms: [300_000],
    });
    await to.got(1);
    off.abort();
    expect(await running).toMatchObject({ status: "unknown" });
    expect(to.received).toHaveLength(1);
  });
});
