import { connect, type NetConnectOpts, type Socket } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import { ID } from "../fake-application.ts";
import { API } from "./documented.ts";
import { attackOne, bearer, JSON_BODY, question, target } from "./raw.ts";
import { createStage, type Stage, tokenOf } from "./stage.ts";

/**
 * Whoever would get more from the daemon's HTTP than is theirs: pages in a browser, agents that would decide, slow
 * clients, grants of others. What goes over the wire stands here, byte by byte. (`malformed.test.ts` has what is not
 * even HTTP, or not JSON.)
 */
attackOne();

const asAgent = bearer("billing-agent");
const asReviewer = bearer("anna");
const APPROVE = '{"verb":"approve"}';

describe("a page in a browser, even with a reviewer's token", () => {
  test.each<[string, (port: number) => readonly string[], number]>([
    ["whose name was pointed here", () => ["Host: evil.example"], 421],
    ["with our port behind its name", (port) => [`Host: evil.example:${port}`], 421],
    ["by our address with another port", () => ["Host: 127.0.0.1:1"], 421],
    ["by our address without a port", () => ["Host: 127.0.0.1"], 421],
    ["by our address with a dot behind it", (port) => [`Host: 127.0.0.1.:${port}`], 421],
    ["by localhost with a dot behind it", (port) => [`Host: localhost.:${port}`], 421],
    ["by our address written otherwise", (port) => [`Host: 2130706433:${port}`], 421],
    ["by a name that begins as ours", (port) => [`Host: 127.0.0.1:${port}.evil.example`], 400],
    ["by our address behind a user's name", (port) => [`Host: evil@127.0.0.1:${port}`], 400],
    ["by no name", () => ["Host:"], 400],
    ["by two names, ours first", (port) => [`Host: 127.0.0.1:${port}`, "Host: evil.example"], 421],
    ["by two names, ours last", (port) => ["Host: evil.example", `Host: 127.0.0.1:${port}`], 421],
  ])("(DNS rebinding) %s is refused", async (_, headers, status) => {
    const host = headers(target.port);
    const answer = await target.send("tcp", question("POST /v1/halt", ...host, asReviewer, JSON_BODY));
    expect(answer.statuses).toEqual([status]);
    expect(answer.code).toBe(status === 421 ? "host_refused" : "invalid_request");
    target.expectNothing();
  });

  test.each(["http://evil.example/v1/requests", "https://127.0.0.1/v1/requests", "*"])(
    "that names the server in the request's target (%s) is refused",
    async (named) => {
      const { statuses } = await target.send("tcp", question(`GET ${named}`, target.host, asReviewer));
      expect(statuses).toEqual([named === "*" ? 400 : 421]);
    },
  );

  test.each(["HTTP/1.0", "HTTP/1.1"])("that names no host at all (%s) is refused", async (version) => {
    const { statuses, code } = await target.send("tcp", question(`GET /v1/requests ${version}`, asReviewer));
    expect({ statuses, code }).toEqual({ statuses: [400], code: "invalid_request" });
  });

  test.each([
    "Origin: null",
    "Origin: https://evil.example",
    "Origin:",
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Site: same-site",
    "Sec-Fetch-Site: same-origin",
  ])("with %s is refused", async (header) => {
    const { statuses, code } = await target.post(target.decide, APPROVE, asReviewer, JSON_BODY, header);
    expect({ statuses, code }).toEqual({ statuses: [403], code: "origin_refused" });
    target.expectNothing();
  });

  test("from the server's own address is refused: it serves no pages", async () => {
    const origin = `Origin: http://127.0.0.1:${target.port}`;
    expect(await target.post(target.decide, APPROVE, asReviewer, JSON_BODY, origin)).toMatchObject({
      statuses: [403],
      code: "origin_refused",
    });
    target.expectNothing();
  });

  test("that asks first whether it may is not told so", async () => {
    const asks = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"];
    const preflight = question(
      `OPTIONS ${target.decide}`,
      target.host,
      "Origin: https://evil.example",
      ...asks,
    );
    const { statuses, text } = await target.send("tcp", preflight);
    expect(statuses).toEqual([403]);
    expect(text.toLowerCase()).not.toContain("access-control");
  });

  test.each([
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json, text/plain",
    "text/plain; application/json",
    "application/jsonp",
    "application/json; charset=utf-16",
  ])("with a body of %s is refused", async (type) => {
    const { statuses, code } = await target.post(target.decide, APPROVE, asReviewer, `Content-Type: ${type}`);
    expect({ statuses, code }).toEqual({ statuses: [415], code: "wrong_content_type" });
    target.expectNothing();
  });

  test("with a body of no type is refused", async () => {
    expect(await target.post(target.decide, APPROVE, asReviewer)).toMatchObject({
      statuses: [415],
      code: "wrong_content_type",
    });
    target.expectNothing();
  });
});

describe("without a token that is known", () => {
  const ROUTES = Object.entries(API.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );

  test.each([...ROUTES, "GET /v2", "GET /approval/../v1/requests"])("%s is refused", async (line) => {
    const { statuses, code } = await target.send(
      "tcp",
      question(line.replace("{id}", target.id), target.host, JSON_BODY),
    );
    expect({ statuses, code }).toEqual({ statuses: [401], code: "unauthenticated" });
  });

  test.each<[string, readonly string[]]>([
    ["one that nobody has", [`Authorization: Bearer ${"x".repeat(40)}`]],
    ["the beginning of one", [`Authorization: Bearer ${tokenOf("anna").slice(0, -1)}`]],
    ["one and more", [`Authorization: Bearer ${tokenOf("anna")}x`]],
    ["an empty one", ["Authorization: Bearer "]],
    ["the name that it is for", ["Authorization: Bearer anna"]],
    ["another way", [`Authorization: Basic ${tokenOf("anna")}`]],
    ["a wrong one and a right one", [`Authorization: Bearer ${"x".repeat(40)}`, asReviewer]],
    ["two in one", [`Authorization: Bearer ${"x".repeat(40)}, Bearer ${tokenOf("anna")}`]],
    ["one in a cookie", [`Cookie: token=${tokenOf("anna")}`]],
    ["a proxy's", [`Proxy-Authorization: Bearer ${tokenOf("anna")}`]],
  ])("with %s it is refused", async (_, headers) => {
    const { statuses, code } = await target.post(target.decide, APPROVE, JSON_BODY, ...headers);
    expect({ statuses, code }).toEqual({ statuses: [401], code: "unauthenticated" });
    target.expectNothing();
  });

  test("in the address it is not looked for", async () => {
    const line = `GET /v1/requests?access_token=${tokenOf("anna")}&token=${tokenOf("anna")}`;
    expect((await target.send("tcp", question(line, target.host))).statuses).toEqual([401]);
  });
});

/** What people do, in all three languages that the server speaks. */
const DECIDING: readonly (readonly [path: string, body: string])[] = [
  ["/v1/requests/{id}/decide", APPROVE],
  ["/v1/requests/{id}/delegate", '{"to":"mallory","from":"anna"}'],
  ["/v1/requests/{id}/take-back", '{"by":"anna"}'],
  ["/v1/requests/{id}/resolve", '{"happened":true,"by":"anna"}'],
  ["/v1/halt", '{"by":"anna"}'],
  ["/v1/resume", '{"by":"anna"}'],
  ["/v1/clock/accept", '{"by":"anna"}'],
  ["/v1/channels/{name}/test", "{}"],
  ["/v1/channels/{name}/enable", "{}"],
  ["/approval/{id}/approve", '{"reviewer":"anna"}'],
  ["/approval/{id}/reject", '{"reviewer":"anna"}'],
  ["/api/v1/approvals/{id}/approve", '{"reason":"fine","resolved_by":"anna"}'],
  ["/api/v1/approvals/{id}/reject", '{"reason":"no","resolved_by":"anna"}'],
];
const ASKING = [
  "/v1/requests",
  "/v1/requests/{id}/cancel",
  "/v1/requests/{id}/claim",
  "/v1/requests/{id}/complete",
];

describe("an agent that decides", () => {
  test("has been tried on every route that takes anything", () => {
    const taking = Object.entries(API.paths).flatMap(([path, how]) =>
      Object.keys(how).some((method) => method !== "get") ? [path] : [],
    );
    expect(taking.sort()).toEqual([...DECIDING.map(([path]) => path), ...ASKING].sort());
  });

  test.each(DECIDING)("by %s is refused, on its socket and with its token", async (template, body) => {
    const path = template.replace("{id}", target.id).replace("{name}", "ops");
    const length = `Content-Length: ${Buffer.byteLength(body)}`;
    const line = `POST ${path}`;
    for (const answer of [
      await target.send("agent", question(line, "Host: x", JSON_BODY, length), body),
      await target.send("agent", question(line, "Host: x", JSON_BODY, length, asReviewer), body),
      await target.post(path, body, asAgent, JSON_BODY),
      await target.post(path, body, bearer("wallboard"), JSON_BODY),
    ]) {
      expect(answer.statuses).toEqual([403]);
    }
    target.expectNothing();
    expect(target.world.application.health().halted).toBe(false);
  });

  test.each<[string, (path: string) => string]>([
    ["a slash too many", (path) => path.replace("/decide", "//decide")],
    ["a slash behind", (path) => `${path}/`],
    ["an encoded slash", (path) => path.replace("/decide", "%2fdecide")],
    ["encoded letters", (path) => path.replace("decide", "%64ecide")],
    ["capital letters", (path) => path.replace("decide", "DECIDE")],
    ["a way through another request", (path) => `/v1/requests/x/../${path.slice("/v1/requests/".length)}`],
    ["an encoded way", (path) => `/v1/requests/x/%2e%2e/${path.slice("/v1/requests/".length)}`],
    ["a semicolon", (path) => `${path};/claim`],
    ["a query", (path) => `${path}?role=reviewer&socket=reviewer`],
    ["a fragment", (path) => `${path}#/claim`],
  ])("by %s in the path is refused", async (_, change) => {
    const path = change(target.decide);
    const length = `Content-Length: ${APPROVE.length}`;
    const mine = await target.send("agent", question(`POST ${path}`, "Host: x", JSON_BODY, length), APPROVE);
    const { statuses } = await target.post(path, APPROVE, asAgent, JSON_BODY);
    for (const status of [...mine.statuses, ...statuses]) expect([400, 403, 404]).toContain(status);
    expect([mine.statuses.length, statuses.length]).toEqual([1, 1]);
    target.expectNothing();
  });

  test.each(["PUT", "PATCH", "DELETE", "GET", "HEAD", "TRACE", "QUERY"])(
    "with the method %s, and another one in a header, is refused",
    async (method) => {
      const override = ["X-HTTP-Method-Override: POST", "X-Original-URL: /v1/resume", "X-Role: reviewer"];
      const length = `Content-Length: ${APPROVE.length}`;
      const line = `${method} ${target.decide}`;
      const headers = ["Host: x", JSON_BODY, length, ...override];
      const { statuses } = await target.send("agent", question(line, ...headers), APPROVE);
      expect(statuses).toEqual([404]);
      target.expectNothing();
    },
  );

  test("behind a harmless question on the same connection is refused", async () => {
    const length = `Content-Length: ${APPROVE.length}`;
    const first = question("GET /v1/health", "Host: x").replace("close", "keep-alive");
    const second = question(`POST ${target.decide}`, "Host: x", JSON_BODY, length);
    expect(await target.send("agent", first + second, APPROVE)).toMatchObject({
      statuses: [200, 403],
      code: "not_allowed",
    });
    target.expectNothing();
  });

  test("inside the body of a harmless question is not read", async () => {
    const inner = `POST ${target.decide} HTTP/1.1\r\nHost: x\r\n${JSON_BODY}\r\nContent-Length: 18\r\n\r\n${APPROVE}`;
    const outer = question("GET /v1/health", "Host: x", `Content-Length: ${inner.length}`);
    expect((await target.send("agent", outer, inner)).statuses).toEqual([200]);
    target.expectNothing();
  });

  test("cannot ask on the reviewers' socket either", async () => {
    const body = '{"kind":"payment","params":{"amount_cents":1,"payee":"ACME"}}';
    const length = `Content-Length: ${body.length}`;
    const asked = await target.send(
      "reviewer",
      question("POST /v1/requests", "Host: x", JSON_BODY, length),
      body,
    );
    expect(asked).toMatchObject({ statuses: [403], code: "not_allowed" });
    target.expectNothing();
  });
});

describe("a body over the limit", () => {
  const asks = (length: string) => question("POST /v1/requests", target.host, asAgent, JSON_BODY, length);
  /** To the last byte that is too many, which is the last that is sent. */
  const pieces = `${`10000\r\n${" ".repeat(65_536)}\r\n`.repeat(16)}1\r\n \r\n`;

  test.each([
    ["by one byte", "Content-Length: 1048577", "{"],
    ["by all that there is", "Content-Length: 9007199254740991", "{"],
    ["that comes piece by piece", "Transfer-Encoding: chunked", pieces],
  ])("%s is refused", async (_, length, body) => {
    const { statuses, code } = await target.send("tcp", asks(length), body);
    expect({ statuses, code }).toEqual({ statuses: [413], code: "too_large" });
    target.expectNothing();
  });
});

describe("an agent with a token of its own learns nothing of others", () => {
  const asOther = bearer("other-agent");
  beforeAll(() => target.submit());

  test.each([
    "/v1/requests?limit=1",
    "/v1/requests?limit=1&all=true",
    "/v1/requests?all=true&requester=billing-agent",
    "/approval/pending",
    "/api/v1/approvals",
    "/api/v1/approvals?include_resolved=false&limit=1",
    "/api/v1/approvals?include_resolved=true&limit=1",
    "/v1/audit?requester=billing-agent",
  ])("from %s", async (path) => {
    const { statuses, text } = await target.send("tcp", question(`GET ${path}`, target.host, asOther));
    expect(statuses).toEqual([200]);
    expect(text).not.toMatch(/\d{8}-\d{6}-|billing-agent/);
  });

  test.each(["/v1/requests/ID", "/approval/ID", "/api/v1/approvals/ID", "/api/v1/jobs/ID/decisions"])(
    "from %s: it is answered as if there were none",
    async (path) => {
      const ask = (one: string) =>
        target.send("tcp", question(`GET ${path.replace("ID", one)}`, target.host, asOther));
      const [there, missing] = [await ask(target.id), await ask(`${target.id.slice(0, -6)}zzzzzz`)];
      expect(there.statuses).toEqual([404]);
      const plain = ({ text }: { text: string }) =>
        text.replaceAll(/\d{8}-\d{6}-payment-\w{6}|^Date: .*$/gm, "");
      expect(plain(there)).toBe(plain(missing));
    },
  );
});

describe("a grant", () => {
  interface Granted {
    readonly id: string;
    readonly token: string;
    readonly grant: string;
  }
  let count = 0;

  /** Asks for something that the caller does, has it approved, and fetches the grant. */
  async function granted(): Promise<Granted> {
    count += 1;
    const body = { kind: "refactor", params: { count }, requester: "billing-agent" };
    const { request, token } = (await target.ask("POST /v1/requests", { body })).body as {
      request: { id: string };
      token: string;
    };
    const decide = `POST /v1/requests/${request.id}/decide`;
    await target.ask(decide, { socket: "reviewer", body: { verb: "approve", reviewer: "anna" } });
    const headers = { "requester-token": token };
    const answer = await target.ask(`GET /v1/requests/${request.id}/grant`, { headers });
    return { id: request.id, token, grant: (answer.body as { grant: string }).grant };
  }

  const claim = (one: string, token: string, grant: string, as?: string) =>
    target.ask(`POST /v1/requests/${one}/claim`, {
      body: { grant },
      headers: { "requester-token": token },
      ...(as !== undefined && { as }),
    });
  const refusal = (status: number, code: string) => ({ status, body: { error: { code } } });
  const startsOf = async (one: string) => {
    const { events } = await target.world.application.happenings.page({ id: one, after: 0, limit: 100 });
    return events.filter(({ event }) => event === "started").length;
  };

  test("lets its owner start once; a second claim with it is refused", async () => {
    const one = await granted();
    expect(await claim(one.id, one.token, one.grant)).toMatchObject({
      status: 200,
      body: { status: "executing" },
    });
    expect(await claim(one.id, one.token, one.grant)).toMatchObject(refusal(409, "already_started"));
    expect(await startsOf(one.id)).toBe(1);
  });

  test("claimed many times at once starts once", async () => {
    const one = await granted();
    const claims = await Promise.all(Array.from({ length: 20 }, () => claim(one.id, one.token, one.grant)));
    expect(claims.map(({ status }) => status).sort()).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 409),
    ]);
    expect(await startsOf(one.id)).toBe(1);
  });

  test("claimed again behind its outcome is refused", async () => {
    const one = await granted();
    await claim(one.id, one.token, one.grant);
    const complete = `POST /v1/requests/${one.id}/complete`;
    await target.ask(complete, { body: { result: 1 }, headers: { "requester-token": one.token } });
    expect(await claim(one.id, one.token, one.grant)).toMatchObject({ status: 409 });
    expect(await startsOf(one.id)).toBe(1);
  });

  test("for another digest is refused, whoever shows it", async () => {
    const [mine, other] = [await granted(), await granted()];
    expect(await claim(mine.id, mine.token, other.grant)).toMatchObject(refusal(403, "grant_invalid"));
    expect(await claim(other.id, mine.token, other.grant)).toMatchObject(refusal(403, "token_invalid"));
    expect(await claim(other.id, other.token, mine.grant)).toMatchObject(refusal(403, "grant_invalid"));
    expect(await claim(other.id, mine.token, mine.grant)).toMatchObject(refusal(403, "token_invalid"));
    expect([await startsOf(mine.id), await startsOf(other.id)]).toEqual([0, 0]);
  });

  test("of another agent's request, with all that belongs to it, is refused over TCP", async () => {
    const one = await granted();
    expect(await claim(one.id, one.token, one.grant, "other-agent")).toMatchObject(refusal(404, "not_found"));
    expect(await startsOf(one.id)).toBe(0);
  });

  test("that somebody made or changed is refused", async () => {
    const one = await granted();
    const [head = "", claims = "", signature = ""] = one.grant.split(".");
    const pack = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const unpacked = JSON.parse(Buffer.from(claims, "base64url").toString());
    const longer = pack({ ...unpacked, exp: unpacked.exp + 3_600 });
    const key = Buffer.from(JSON.stringify(target.world.application.grantKey())).toString("base64url");
    for (const forged of [
      `${head}.${longer}.${signature}`,
      `${pack({ alg: "none", typ: "countersign-grant+jwt" })}.${claims}.`,
      `${pack({ alg: "HS256", typ: "countersign-grant+jwt" })}.${claims}.${key}`,
      `${head}.${claims}.`,
      `${head}.${claims}`,
      "the.signed.grant",
      "null",
    ]) {
      expect(await claim(one.id, one.token, forged)).toMatchObject(refusal(403, "grant_invalid"));
    }
    expect(await startsOf(one.id)).toBe(0);
  });

  test("that has run out is refused, and nothing was started by it", async () => {
    const one = await granted();
    target.world.clock.set(target.world.clock.now() + 900_001);
    expect(await claim(one.id, one.token, one.grant)).toMatchObject(refusal(403, "grant_expired"));
    expect(await startsOf(one.id)).toBe(0);
  });
});

describe("slow and silent clients", () => {
  const quick = { headers_ms: 150, request_ms: 60_000, check_every_ms: 25 };
  let stage: Stage;
  beforeEach(() => {
    stage = createStage();
  });
  afterEach(async () => {
    await stage.close();
    expect(stage.bugs).toEqual([]);
  });

  /** However it ends: a connection that is cut off has an error first. */
  function opened(place: NetConnectOpts): {
    socket: Socket;
    ended: Promise<unknown>;
  } {
    const socket = connect(place);
    socket.on("error", () => {});
    socket.resume();
    return { socket, ended: new Promise((resolve) => socket.once("close", resolve)) };
  }
  const overTcp = () => opened(stage.placeOf("tcp") as { host: string; port: number });

  test("that never send anything are let go", async () => {
    await stage.serve({}, { limits: quick });
    await overTcp().ended;
  });

  test("that send their headers a byte at a time are let go (slow loris)", async () => {
    const application = await stage.serve({}, { limits: quick });
    const { socket, ended } = overTcp();
    const text = `GET /v1/requests HTTP/1.1\r\nHost: 127.0.0.1\r\n${"X-Slow: 1\r\n".repeat(1_000)}`;
    let at = 0;
    const drip = setInterval(() => socket.writable && socket.write(text[at++] ?? "X"), 5);
    await ended;
    clearInterval(drip);
    expect(application.calls).toEqual([]);
  });

  test("that never end their body are let go", async () => {
    const application = await stage.serve({}, { limits: { ...quick, request_ms: 250 } });
    const { socket, ended } = overTcp();
    const { port } = stage.placeOf("tcp") as { port: number };
    const host = `Host: 127.0.0.1:${port}`;
    socket.write(question("POST /v1/requests", host, asAgent, JSON_BODY, "Content-Length: 50"));
    socket.write('{"kind":');
    await ended;
    expect(application.calls).toEqual([]);
  });

  test("that are too many are turned away, and nobody else is the worse for it", async () => {
    await stage.serve();
    const clients = Array.from({ length: 201 }, () => opened({ path: stage.sockets.reviewer }));
    await Promise.race(clients.map(({ ended }) => ended));
    expect((await stage.ask("GET /v1/health")).status).toBe(200);
    for (const { socket } of clients) socket.destroy();
    await Promise.all(clients.map(({ ended }) => ended));
  });

  test("that ask without end before they are answered are cut off", async () => {
    const application = await stage.serve({
      wait: (_, __, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(new Fault("no_answer"))),
        ),
    });
    const wait = `GET /v1/requests/${ID}/wait HTTP/1.1\r\nHost: x\r\n\r\n`;
    const { socket, ended } = opened({ path: stage.sockets.agent });
    socket.write(wait.repeat(2_000));
    await ended;
    expect(application.calls.length).toBeLessThanOrEqual(10);
  });
});
