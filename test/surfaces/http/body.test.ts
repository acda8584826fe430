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
    ["broken JSON", "POST /v1/requests", { body: '{"kind": ' }, 400, "invalid_json"],
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
    ["a filter given twice", "GET /v1/requests?requester=a&requester=b", {}, 400, "invalid_request"],
    ["a yes of another spelling", "GET /v1/requests?all=TRUE", {}, 400, "invalid_request"],
    ["a time of no zone", "GET /v1/audit?since=2026-11-21T09:00:00", {}, 400, "invalid_request"],
    ["a day that there is not", "GET /v1/requests?since=2026-02-30", {}, 400, "invalid_request"],
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
});
