import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Hono } from "hono";
import type { Application, ListFilter } from "../../application/application.ts";
import { Fault } from "../../core/codes.ts";
import { EVENT_TYPES } from "../../core/event.ts";
import { STATUSES } from "../../core/request.ts";
import { instantOf, iso } from "../../core/timing.ts";
import type { RequestView } from "../../core/view.ts";
import { NAME_LIMIT } from "./body.ts";
import { answer, type Call, isHidden, may, ownNameOf, type Wiring } from "./call.ts";
import { sendEvents } from "./event-stream.ts";

/** One long poll at most; a client that waits longer asks again. */
const WAIT_LIMIT_MS = 60_000;

const PAGE = { usual: 100, most: 1_000 };

export function addReadingRoutes(app: Hono<Wiring>, application: Application, closing: AbortSignal): void {
  // One listener for all of them: a signal looks through all that it has for each one more.
  const waits = new Set<() => void>();
  closing.addEventListener("abort", () => {
    for (const leave of waits) leave();
  });
  const textOf = createTexts();

  app.get("/v1/health", may("read"), (c) => c.json({ ...application.health() }));
  app.get("/v1/grant-key", may("read"), (c) => c.json(application.grantKey()));
  app.get("/openapi.json", may("read"), async (c) =>
    c.json((await import("./openapi.ts")).describe(application.health().version)),
  );

  app.get("/v1/requests", may("read"), async (c) => {
    const query = queryOf(c, ["status", "kind", "requester", "since", "all", "limit", "cursor"]);
    const status = oneOf(query, "status", STATUSES);
    const all = oneOf(query, "all", ["true", "false"]);
    const limit = query.limit === undefined ? undefined : wholeNumber(query, "limit", 1, PAGE.most);
    if (query.cursor !== undefined && limit === undefined) {
      throw new Fault("invalid_request", "A cursor needs the limit of the page before.");
    }
    const filter: ListFilter = {
      ...given({ status, limit, kind: query.kind, since: time(query, "since"), cursor: query.cursor }),
      ...given({ requester: ownName(c, query.requester) }),
      ...given({ all: all && all === "true" }),
    };
    return c.json({ ...(await application.list(filter)) });
  });

  app.get("/v1/requests/:id", may("read"), async (c) => c.json(await application.show(c.req.param("id"))));

  app.get("/v1/requests/:id/wait", may("read"), async (c) => {
    const query = queryOf(c, ["timeout_ms", "until"]);
    const timeout_ms = wholeNumber(
      { timeout_ms: String(WAIT_LIMIT_MS), ...query },
      "timeout_ms",
      0,
      999_999_999,
    );
    const until = oneOf(query, "until", ["outcome"]);
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    const { outgoing } = c.env;
    // It stays when the answer is given: to take it back costs time, in which others wait for theirs.
    outgoing.once("close", () => outgoing.writableEnded || leave());
    waits.add(leave);
    if (closing.aborted) leave();
    try {
      const most = Math.min(timeout_ms, WAIT_LIMIT_MS);
      const view = await application.wait(c.req.param("id"), most, leaving.signal, until);
      return answer(c, textOf(view));
    } finally {
      waits.delete(leave);
    }
  });

  app.get("/v1/audit", may("read"), async (c) => {
    const query = queryOf(c, ["after", "id", "event", "requester", "since", "limit"]);
    const after = wholeNumber({ after: "0", ...query }, "after", 0, Number.MAX_SAFE_INTEGER);
    const limit = wholeNumber({ limit: String(PAGE.usual), ...query }, "limit", 1, PAGE.most);
    const filter = {
      ...given({ id: query.id, event: oneOf(query, "event", EVENT_TYPES), since: time(query, "since") }),
      ...given({ requester: ownName(c, query.requester) }),
    };
    return c.json({ ...(await application.happenings.page({ after, limit, ...filter })) });
  });

  app.get("/v1/audit/switches", may("read"), async (c) => {
    const query = queryOf(c, ["after", "since", "limit"]);
    const after = wholeNumber({ after: "0", ...query }, "after", 0, Number.MAX_SAFE_INTEGER);
    const limit = wholeNumber({ limit: String(PAGE.usual), ...query }, "limit", 1, PAGE.most);
    const filter = { after, limit, ...given({ since: time(query, "since") }) };
    return c.json({ ...(await application.switches(filter)) });
  });

  app.get("/v1/events", may("read"), async (c) => {
    const { happenings } = application;
    const query = queryOf(c, ["after", "id", "requester"]);
    const head = happenings.head();
    const from = c.req.header("last-event-id") ?? query.after ?? String(head);
    const after = wholeNumber({ after: from }, "after", 0, Number.MAX_SAFE_INTEGER);
    if (after > head) {
      throw new Fault("invalid_request", `The last event is ${head}, so nothing can follow on ${after}.`);
    }
    const caller = c.get("caller");
    const requester = ownName(c, query.requester);
    await sendEvents(c.env.outgoing, happenings, {
      after,
      closing,
      fits: (event) =>
        (query.id === undefined || event.id === query.id) &&
        (requester === undefined || event.requester === requester) &&
        !isHidden(caller, event.requester),
    });
    return RESPONSE_ALREADY_SENT;
  });
}

/** Writes out once what many wait for. */
function createTexts(): (view: RequestView) => string {
  const made = new WeakMap<RequestView, string>();
  return (view) => {
    const text = made.get(view) ?? JSON.stringify(view);
    made.set(view, text);
    return text;
  };
}

type Query<Name extends string> = { readonly [name in Name]?: string };

/** The query's fields; one that is not known, or is there twice, would otherwise be a filter that does not filter. */
function queryOf<const Name extends string>(c: Call, names: readonly Name[]): Query<Name> {
  const query = c.req.query();
  const twice = Object.entries(c.req.queries()).find(([, values]) => values.length > 1)?.[0];
  if (twice !== undefined) {
    const message = `The query's ${JSON.stringify(twice.slice(0, NAME_LIMIT))} is there more than once.`;
    throw new Fault("invalid_request", message);
  }
  const stranger = Object.keys(query).find((name) => !(names as readonly string[]).includes(name));
  if (stranger !== undefined) {
    throw new Fault(
      "invalid_request",
      `The query's ${JSON.stringify(stranger.slice(0, NAME_LIMIT))} is not known; there are ${names.join(", ")}.`,
    );
  }
  return query as Query<Name>;
}

function oneOf<const T extends string, Name extends string>(
  query: Query<Name>,
  name: Name,
  words: readonly T[],
): T | undefined {
  const word = query[name];
  const found = words.find((one) => one === word);
  if (word === undefined || found !== undefined) return found;
  throw new Fault("invalid_request", `There is no such ${name}; there are ${words.join(", ")}.`);
}

function wholeNumber<Name extends string>(
  query: Query<Name>,
  name: Name,
  least: number,
  most: number,
): number {
  const text = query[name] ?? "";
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Fault("invalid_request", `${name} must be a whole number from ${least} to ${most}.`);
}

function time<Name extends string>(query: Query<Name>, name: Name): string | undefined {
  const text = query[name];
  if (text === undefined) return undefined;
  // A date alone is UTC; a time without its zone would be another one on every machine.
  const ms = instantOf(text.includes("T") ? text : `${text}T00:00:00Z`);
  if (ms !== null) return iso(ms);
  throw new Fault("invalid_request", `${name} must be a time with its zone, such as 2026-11-21T09:00:00Z.`);
}

/** An agent with a token of its own asks about itself, whatever it names. */
function ownName(c: Call, requester: string | undefined): string | undefined {
  return ownNameOf(c.get("caller")) ?? requester;
}

/** Without the fields that were not given. */
function given<T extends object>(fields: T): { [name in keyof T]?: Exclude<T[name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [name in keyof T]?: Exclude<T[name], undefined>;
  };
}
