import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { attackOne, bearer, JSON_BODY, question, target } from "./raw.ts";
import { createStage } from "./stage.ts";

/** What is no HTTP, or no JSON, or leads elsewhere: byte by byte, to real sockets of a whole daemon. */
attackOne();

const asAgent = bearer("billing-agent");

describe("an id that would lead elsewhere", () => {
  test.each([
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e",
    "..%5c..%5c",
    "%00",
    "%0d%0aX-Injected:%201",
    "%FF%FE",
    "%zz",
    "__proto__",
    "constructor",
    "x".repeat(5_000),
    "%F0%9F%92%A3",
    "*",
  ])("(%s) is no request's", async (one) => {
    for (const way of ["", "/wait", "/grant"]) {
      const line = `GET /v1/requests/${one}${way}`;
      const { statuses, text } = await target.send("agent", question(line, "Host: x", "Requester-Token: t"));
      expect(statuses).toEqual([404]);
      expect(text).not.toMatch(/^X-Injected/m);
    }
  });
});

describe("a body", () => {
  const pieces = "Transfer-Encoding: chunked";
  test.each<[string, readonly string[], string]>([
    ["of more bytes than there are numbers", ["Content-Length: 99999999999999999999999"], "{}"],
    ["of fewer bytes than none", ["Content-Length: -2"], "{}"],
    ["with a sign before its length", ["Content-Length: +2"], "{}"],
    ["with a length in hexadecimal", ["Content-Length: 0x2"], "{}"],
    ["with two lengths", ["Content-Length: 2", "Content-Length: 5"], "{}"],
    ["with a length and in pieces", ["Content-Length: 4", pieces], "0\r\n\r\n"],
    ["in pieces and with a length", [pieces, "Content-Length: 4"], "0\r\n\r\n"],
    ["in an encoding nobody knows", ["Transfer-Encoding: gzip"], "{}"],
    ["in two encodings", ["Transfer-Encoding: chunked, identity"], "0\r\n\r\n"],
    ["in a piece without a length", [pieces], "xyz\r\n{}\r\n0\r\n\r\n"],
    ["in a piece of negative length", [pieces], "-1\r\n{}\r\n0\r\n\r\n"],
  ])("%s is refused", async (_, headers, body) => {
    const start = question("POST /v1/requests", target.host, asAgent, JSON_BODY, ...headers);
    const { statuses, code } = await target.send("tcp", start, body);
    expect({ statuses, code }).toEqual({ statuses: [400], code: "invalid_request" });
    target.expectNothing();
  });

  const params = (text: string) => `{"kind":"payment","params":${text}}`;
  test.each<[string, string | Buffer]>([
    ["with a key twice", '{"kind":"payment","kind":"refactor"}'],
    ["with a key twice, once escaped", params('{"payee":"ACME","p\\u0061yee":"Mallory"}')],
    ["with __proto__", params('{"__proto__":{"polluted":true}}')],
    ["with __proto__ at the top", '{"__proto__":{"kind":"payment","params":{}}}'],
    ["with half a surrogate pair", params('{"payee":"\\ud800"}')],
    ["with half a surrogate pair in a key", params('{"\\udc00":1}')],
    ["nested deeper than anything needs", params(`${'{"a":'.repeat(150_000)}1${"}".repeat(150_000)}`)],
    ["that only opens", "[".repeat(1_000_000)],
    ["with a number that no double holds", params('{"amount_cents":9007199254740993}')],
    ["with a number beyond all", params('{"amount_cents":1e999}')],
    ["with NaN", params('{"amount_cents":NaN}')],
    ["with minus zero", params('{"amount_cents":-0}')],
    ["with a comment", '{"kind":"payment" /* fine */}'],
    ["with a comma too many", '{"kind":"payment",}'],
    ["with a mark of the byte order", '\ufeff{"kind":"payment"}'],
    ["in UTF-16", Buffer.from('{"kind":"payment"}', "utf16le")],
    ["in no UTF-8", Buffer.from('{"kind":"\xff\xfe"}', "latin1")],
    ["compressed", Buffer.from("H4sIAAAAAAAAA6uuBQBDv6ajAgAAAA==", "base64")],
    ["with nothing in it", ""],
  ])("%s has not one meaning, and is refused", async (_, body) => {
    expect(await target.post("/v1/requests", body, asAgent, JSON_BODY)).toMatchObject({
      statuses: [400],
      code: "invalid_json",
    });
    expect({}).not.toHaveProperty("polluted");
    target.expectNothing();
  });

  test("with what every object has is taken for fields nobody knows", async () => {
    for (const name of ["constructor", "toString", "hasOwnProperty", "prototype"]) {
      const body = `{"kind":"payment","params":{},"${name}":{}}`;
      expect(await target.post("/v1/requests", body, asAgent, JSON_BODY)).toMatchObject({
        statuses: [400],
        code: "invalid_request",
      });
    }
    target.expectNothing();
  });
});

describe("a head", () => {
  const asks = (...headers: readonly string[]) =>
    question("GET /v1/requests", target.host, asAgent, ...headers);
  const many = Array.from({ length: 3_000 }, (_, at) => `X-${at}: 1`);
  test.each<[string, () => string | Buffer, number]>([
    ["with a huge header", () => asks(`X: ${"x".repeat(20_000)}`), 431],
    ["with headers without end", () => asks(...many), 431],
    ["with a huge path", () => question(`GET /${"x".repeat(20_000)}`, target.host, asAgent), 431],
    ["with a folded header", () => asks("X: a\r\n b"), 400],
    ["with a space before a colon", () => asks("X : 1"), 400],
    ["with bare line feeds", () => asks().replaceAll("\r", ""), 400],
    ["with control characters", () => asks("X: \x01"), 400],
    ["with an expectation", () => asks("Expect: money"), 417],
    ["of nothing known", () => "HELLO\r\n\r\n", 400],
    ["of HTTP/2", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["of TLS", () => Buffer.from("16030100c8010000c40303", "hex"), 400],
  ])("%s is refused", async (_, bytes, status) => {
    const { statuses, code } = await target.send("tcp", "", bytes());
    expect({ statuses, code }).toEqual({
      statuses: [status],
      code: status === 431 ? "too_large" : "invalid_request",
    });
    target.expectNothing();
  });

  test("that would make a tunnel is not answered", async () => {
    const { statuses } = await target.send("tcp", question("CONNECT 127.0.0.1:22", target.host, asAgent));
    expect(statuses).toEqual([]);
  });
});

describe("what is no HTTP, behind a question on the same connection,", () => {
  const asks = (path: string) => `GET ${path} HTTP/1.1\r\n${target.host}\r\n${asAgent}\r\n\r\n`;

  test("is not answered while that has none: its answer could be taken for the question's", async () => {
    const { text } = await target.send("tcp", asks(`/v1/requests/${target.id}/wait`), "HELLO\r\n\r\n");
    expect(text).toBe("");
    target.expectNothing();
  });

  test("is answered once that has been", async () => {
    const socket = connect(target.port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
      if (!text.includes("400 Bad Request")) socket.write("HELLO\r\n\r\n");
    });
    socket.write(asks("/v1/health"));
    await once(socket, "close");
    expect([...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status)).toEqual(["200", "400"]);
    expect(text).toContain('"code":"invalid_request"');
  });

  test("is answered where it is that question's own body, which takes too long", async () => {
    const stage = createStage();
    await stage.serve({}, { limits: { request_ms: 100, headers_ms: 100, check_every_ms: 20 } });
    const socket = connect(stage.sockets.agent);
    let text = "";
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    socket.write(question("POST /v1/requests", "Host: x", JSON_BODY, "Content-Length: 9"));
    await once(socket, "close");
    expect(text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(text).toContain('"code":"invalid_request"');
    expect(stage.bugs).toEqual([]);
    await stage.close();
  });
});
