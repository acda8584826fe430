import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Event } from "../../src/core/event.ts";
import type { Json, JsonObject } from "../../src/core/json.ts";
import type { Outcome } from "../../src/daemon/ports.ts";
import type { Service } from "../../src/daemon/reviewing.ts";
import { makeScenery, openStage, removeScenery, type Scenery, type Stage } from "../scenarios/stage.ts";

export interface Setting {
  readonly policy?: string;
  readonly people?: string;
  /** Answers for the service `handler`; without it there is none of that name. */
  readonly handler?: (question: JsonObject) => Json | Promise<Json>;
  /** The service `handler` itself, instead. */
  readonly service?: Service;
  /** What the `payment` handler answers. */
  readonly outcome?: () => Promise<Outcome>;
}

const open: { stage: Stage; scenery: Scenery }[] = [];

/** A whole daemon on a real journal and a real folder, as a document of another system sets its own up. */
export async function openSystem({
  policy,
  people,
  handler,
  service,
  outcome,
}: Setting = {}): Promise<Stage> {
  const scenery = makeScenery();
  const write = (name: string, text: string | undefined) => {
    if (text !== undefined) writeFileSync(join(scenery.root, "..", name), text);
  };
  write("policy.yaml", policy);
  write("people.yaml", people);
  const services = new Map<string, Service>(service && [["handler", service]]);
  if (handler !== undefined) {
    services.set("handler", { dialect: "agt", ask: async (question) => handler(question as JsonObject) });
  }
  const stage = await openStage(scenery, { services, ...(outcome && { handler: outcome }) });
  open.push({ stage, scenery });
  await stage.daemon.start();
  await stage.reviewing.start();
  return stage;
}

export async function closeSystems(): Promise<void> {
  for (const { stage, scenery } of open.splice(0)) {
    await stage.close();
    removeScenery(scenery);
  }
}

let cents = 0;

/** Asks, and comes to rest. Each for another amount, unless it is given. */
export async function ask(
  stage: Stage,
  kind: string,
  params: JsonObject = {},
  more: object = {},
): Promise<string> {
  cents += 1;
  const all = { amount_cents: 100_000 + cents, payee: "ACME", ...params };
  const { request } = await stage.application.submit({ kind, params: all, requester: "agent", ...more });
  await rest(stage);
  return request.id;
}

export async function rest(stage: Stage): Promise<void> {
  await stage.daemon.settled();
  await stage.reviewing.settled();
  await stage.daemon.settled();
}

/** Everything that was recorded, in order. */
export async function recorded(stage: Stage): Promise<readonly Event[]> {
  const events: Event[] = [];
  for await (const { event } of stage.ledger.records(0)) events.push(event);
  return events;
}

export const tick = (box: string) => (text: string) => text.replace(`- [ ] ${box}`, `- [x] ${box}`);
