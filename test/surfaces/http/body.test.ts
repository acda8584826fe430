import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ID } from "../fake-application.ts";
import { createStage, type Question, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

function errorWith(code: string) {
  return { error: expect.objectContaining({ code, message: expect.any(String), hint: expect.any(String) }) };
}

const TOKEN = { authorization: "Bearer t0ken" };

describe("what is refused never reaches the application", () => {
  test.each<[string, string, Question, number, string]>([
    [
      "no content type",
      "POST /v1/requests",
      { body: "{}", headers: { "content-type": "" } },
      415,
      "wrong_content_type",
    ],
    [
      "what a browser's form can send",
      "POST /v1/requests",
      { body: "{}", headers: { "content-type": "text/plain" } },
      415,
      "wrong_content_type",
    ],
    [
      "another character set",
      "POST /v1/requests",
      { body: "{}", headers: { "content-type": "application/json; charset=latin1" } },
      415,
      "wrong_content_type",
    ],
    [
      "a body that is too large",
      "POST /v1/requests",
      { body: `"${"x".repeat(1024 * 1024)}"` },
      413,
      "too_large",
    ],
    ["broken JSON", "POST /v1/requests", { body: '{"kind": ' }, 400, "invalid_json"],
    ["a duplicate key", "POST /v1/requests", { body: '{"kind":"a","kind":"b"}' }, 400, "invalid_json"],
    [
      "an unsafe number",
      "POST /v1/requests",
      { body: '{"kind":"a","params":{"n":9007199254740993}}' },
      400,
      "invalid_json",
    ],
    ["a list", "POST /v1/requests", { body: "[]" }, 400, "invalid_request"],
    ["a missing field", "POST /v1/requests", { body: {} }, 400, "invalid_request"],
    ["an unknown field", "POST /v1/requests", { body: { kind: "a", parms: {} } }, 400, "invalid_request"],
    [
      "a field of the wrong type",
      "POST /v1/requests",
      { body: { kind: "a", params: [] } },
      400,
      "invalid_request",
    ],
    ["params of null", "POST /v1/requests", { body: { kind: "a", params: null } }, 400, "invalid_request"],
    [
      "an expiry of nothing",
      "POST /v1/requests",
      { body: { kind: "a", expires_in_ms: 0 } },
      400,
      "invalid_request",
    ],
    ["an unknown status", "GET /v1/requests?status=odd", {}, 400, "invalid_request"],
    ["a wrong time-out", `GET /v1/requests/${ID}/wait?timeout_ms=-1`, {}, 400, "invalid_request"],
    [
      "an unknown verb",
      `POST /v1/requests/${ID}/decide`,
      { socket: "reviewer", body: { verb: "allow" } },
      400,
      "invalid_request",
    ],
    [
      "both outcomes",
      `POST /v1/requests/${ID}/complete`,
      { body: { result: 1, failed: "x" }, headers: TOKEN },
      400,
      "invalid_request",
    ],
    [
      "neither outcome",
      `POST /v1/requests/${ID}/complete`,
      { body: {}, headers: TOKEN },
      400,
      "invalid_request",
    ],
    [
      "a claim without a token",
      `POST /v1/requests/${ID}/claim`,
      { body: { grant: "g" } },
      403,
      "token_invalid",
    ],
    ["an unknown route", "GET /v2/requests", {}, 404, "unknown_route"],
    ["an unknown method", `DELETE /v1/requests/${ID}`, {}, 404, "unknown_route"],
  ])("%s", async (_, line, question, status, code) => {
    const application = await stage.serve();
    expect(await stage.ask(line, question)).toMatchObject({ status, body: errorWith(code) });
    expect(application.calls).toEqual([]);
    expect(stage.bugs).toEqual([]);
  });

  test("a body without a length that grows too large", async () => {
    const application = await stage.serve();
    const socket = connect(stage.sockets.agent);
    socket.on("error", () => {});
    socket.write(
      "POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    for (let n = 0; n < 17; n += 1) socket.write(chunk);
    const [head] = (await once(socket, "data")) as [Buffer];
    expect(head.toString()).toContain("413");
    expect(application.calls).toEqual([]);
    socket.destroy();
  });
});
