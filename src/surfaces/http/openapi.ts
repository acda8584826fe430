import type { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { Operation } from "./operation.ts";
import { OF_DAEMON } from "./operations-daemon.ts";
import { OF_DIALECTS } from "./operations-dialects.ts";
import { OF_REQUESTS } from "./operations-requests.ts";
import { refTo, SCHEMAS } from "./schemas.ts";
import { statusOf } from "./status.ts";

/** What every route may refuse with. */
const ALWAYS: readonly Fault["code"][] = [
  "unauthenticated",
  "not_allowed",
  "host_refused",
  "origin_refused",
  "internal",
  "storage_failed",
];

/** The OpenAPI 3.1 document. */
export function describe(version: string): JsonObject {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of [...OF_REQUESTS, ...OF_DAEMON, ...OF_DIALECTS]) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationOf(operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Countersign",
      version,
      summary: "Human approval for AI agents.",
      description:
        "On the daemon's Unix sockets the file's permissions say who may ask and who may decide. Over TCP a bearer token does, and names who it is. What is no HTTP that is taken here is answered 400, 408, 413, 417 or 431, with an Error.",
    },
    security: [{ token: [] }, {}],
    tags: ["Countersign", "ToolWeaver", "Cordum"].map((name) => ({ name })),
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

function operationOf(operation: Operation): JsonObject {
  const { id, summary, right, query = {}, headers = {}, body, path, dialect = "Countersign" } = operation;
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => {
      return { name, in: "path", required: true, schema: { type: "string" } };
    }),
    ...Object.entries(query).map(([name, schema]) => ({ name, in: "query", schema })),
    ...Object.entries(headers).map(([name, description]) => {
      return { name, in: "header", description, schema: { type: "string" } };
    }),
  ];
  return {
    operationId: id,
    summary,
    tags: [dialect],
    "x-right": right,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { "application/json": { schema: body } } },
    }),
    responses: { ...answersOf(operation), ...refusalsOf(operation) },
  };
}

function answersOf({ answers }: Operation): JsonObject {
  return Object.fromEntries(
    Object.entries(answers).map(([status, name]) => [
      status,
      { description: status === "201" ? "It is new." : "Done.", content: contentOf(name) },
    ]),
  );
}

function contentOf(name: Operation["answers"][number]): JsonObject {
  if (name === "stream") return { "text/event-stream": { schema: { type: "string" } } };
  if (name === "text") return { "text/plain": { schema: { type: "string" } } };
  return { "application/json": { schema: name === "document" ? { type: "object" } : refTo(name) } };
}

/** By status, with the codes that it stands for. */
function refusalsOf({ refuses, dialect }: Operation): JsonObject {
  const codes = new Map<string, string[]>();
  for (const code of [...refuses, ...ALWAYS]) {
    const status = String(statusOf(code));
    codes.set(status, [...(codes.get(status) ?? []), code]);
  }
  const schema = refTo(dialect === undefined ? "Error" : `${dialect}Error`);
  // Whoever may not speak at all is answered before it is known in which dialect.
  const either = dialect === undefined ? schema : { anyOf: [schema, refTo("Error")] };
  return Object.fromEntries(
    [...codes].map(([status, names]) => [
      status,
      { description: names.join(", "), content: { "application/json": { schema: either } } },
    ]),
  );
}
