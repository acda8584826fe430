import { expect, test } from "vitest";
import { socketDoor } from "../../../src/surfaces/http/access.ts";
import { createRoutes } from "../../../src/surfaces/http/routes.ts";
import { fakeApplication } from "../fake-application.ts";
import { API } from "./documented.ts";
import { createStage } from "./stage.ts";

test("every route is documented, and every documented one is there", () => {
  const app = createRoutes(fakeApplication(), {
    door: socketDoor("agent"),
    closing: new AbortController().signal,
    metrics: async () => ({ type: "text/plain", text: "" }),
    onBug: () => {},
  });
  const routes = new Set(
    app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`),
  );
  const documented = Object.entries(API.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect([...routes].sort()).toEqual(documented.sort());
});

test("every operation has a name of its own, and every reference leads somewhere", () => {
  const ids = Object.values(API.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  const text = JSON.stringify(API);
  const { schemas } = API.components as { schemas: object };
  const named = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect([...new Set(named)].sort()).toEqual(Object.keys(schemas).sort());
});

test("every part of a path that is to be filled in is described", () => {
  for (const [path, methods] of Object.entries(API.paths)) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const { parameters = [] } of Object.values(methods)) {
      const described = parameters.flatMap((one) => (one.in === "path" && one.required ? [one.name] : []));
      expect([path, described]).toEqual([path, named]);
    }
  }
});

test("the document is served", async () => {
  const stage = createStage();
  await stage.serve();
  try {
    const { status, body } = await stage.ask("GET /openapi.json");
    expect(status).toBe(200);
    expect(body).toMatchObject({ openapi: "3.1.0", info: { version: "0.1.0" } });
  } finally {
    await stage.close();
  }
});
