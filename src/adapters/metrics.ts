import type { Histogram } from "prom-client";
import type { ChannelView } from "../core/channel.ts";
import type { Event } from "../core/event.ts";
import { createFacts, type Fact } from "../core/facts.ts";
import type { Request, RequestId } from "../core/request.ts";
import { HASTY_MS, waitingOf } from "../core/statistics.ts";
import type { Lag } from "./lag.ts";

export interface MetricsPorts {
  readonly ledger: {
    head(): { readonly seq: number };
    open(): Promise<readonly Request[]>;
    read(id: RequestId): Promise<Request | null>;
    records(after: number): AsyncIterable<Recorded>;
    follow(listener: (record: Recorded) => void): () => void;
  };
  readonly lag: Lag;
  readonly channels: () => readonly ChannelView[];
  readonly isHalted: () => boolean;
  readonly now: () => number;
}

interface Recorded {
  readonly seq: number;
  readonly id: RequestId;
  readonly event: Event;
}

export interface Metrics {
  /** The figures as Prometheus reads them, since this daemon's start. */
  read(): Promise<{ readonly type: string; readonly text: string }>;
  stop(): void;
}

/** More names than these become one label, `other`: a collector keeps every one that it has ever seen. */
const NAMES = 50;

/** In seconds: people take from seconds to days, handlers and the watcher from milliseconds to minutes. */
const PEOPLE = [3, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 604_800];
const MACHINES = [0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 900];

type Library = typeof import("prom-client");

/**
 * What a Prometheus collects. Nothing is loaded and counted before it is asked for; then it begins with this daemon's start,
 * from the ledger. No ids, no params, and a bounded number of names.
 */
export function createMetrics(ports: MetricsPorts): Metrics {
  const begun = ports.ledger.head().seq;
  let counted: Promise<Awaited<ReturnType<typeof count>>> | null = null;

  return {
    async read() {
      counted ??= import("prom-client").then((library) => count(library, ports, begun));
      const { registry, refresh } = await counted;
      await refresh();
      return { type: registry.contentType, text: await registry.metrics() };
    },
    stop() {
      void counted?.then(({ stop }) => stop());
    },
  };
}

async function count(library: Library, ports: MetricsPorts, begun: number) {
  const { ledger, lag, now } = ports;
  const registry = new library.Registry();
  const { observe, gauges } = meters(library, registry);
  const facts = createFacts(observe);
  let early: Recorded[] | null = [];
  let last = begun;
  const take = ({ seq, id, event }: Recorded) => {
    if (seq <= last) return;
    last = seq;
    facts.take(id, event);
  };
  const stop = ledger.follow((record) => {
    if (early === null) take(record);
    else early.push(record);
  });
  const known = new Set<RequestId>();
  for await (const record of ledger.records(begun)) {
    const { id, event } = record;
    if (event.type === "submitted") known.add(id);
    else if (!known.has(id)) {
      // Asked for before this daemon's start.
      known.add(id);
      const request = await ledger.read(id);
      if (request !== null) facts.adopt(request, "pending");
    }
    take(record);
  }
  for (const request of await ledger.open()) facts.adopt(request, request.status);
  for (const record of early ?? []) take(record);
  early = null;
  for (const ms of lag.last()) gauges.lag.observe(ms / 1_000);
  lag.onNote((ms) => gauges.lag.observe(ms / 1_000));

  async function refresh(): Promise<void> {
    const { by_risk, by_age, oldest_ms } = waitingOf(facts.waiting(), now());
    for (const [risk, n] of Object.entries(by_risk)) gauges.waiting.set({ risk }, n);
    for (const [age, n] of Object.entries(by_age)) gauges.age.set({ age }, n);
    gauges.oldest.set((oldest_ms ?? 0) / 1_000);
    gauges.halted.set(ports.isHalted() ? 1 : 0);
    gauges.open.reset();
    for (const { status } of await ledger.open()) gauges.open.inc({ status });
    for (const { name, waiting, state, given_up } of ports.channels()) {
      gauges.messages.set({ channel: name }, waiting);
      gauges.off.set({ channel: name }, state === "off" ? 1 : 0);
      gauges.given_up.set({ channel: name }, given_up);
    }
  }

  return { registry, refresh, stop };
}

function meters({ Counter, Gauge, Histogram }: Library, registry: InstanceType<Library["Registry"]>) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: `countersign_${name}`, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: `countersign_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ) => new Histogram({ name: `countersign_${name}`, help, buckets, labelNames: [...labelNames], registers });

  const requests = counter("requests_total", "Requests that were made.", ["kind"]);
  const requesters = counter("requester_requests_total", "Requests by who asked.", ["requester"]);
  const retried = counter("retries_total", "Requests that try another one again.");
  const joined = counter("joined_total", "Times that a waiting request was asked for once more.");
  const decisions = counter("decisions_total", "Decisions by persons.", ["verb", "rule"]);
  const reviews = counter("reviews_total", "Answers of reviewers, votes included.", ["verb", "reviewer"]);
  const hasty = counter("hasty_reviews_total", "Answers within 3 seconds.", ["reviewer"]);
  const outcomes = counter("outcomes_total", "Requests that came to an end.", ["status", "kind"]);
  const allowed = counter("allowed_total", "Requests that the policy allowed.");
  const shadow = counter(
    "shadow_total",
    "Requests that went ahead only because their kind is in shadow, by what would have been.",
    ["would", "rule"],
  );
  const unknown = counter("unknown_total", "Executions whose end was not seen.");
  const noes = counter("reasons_total", "Noes of persons that came with a reason.");
  const byRule = histogram("decision_seconds", "Time from asking to the decision.", PEOPLE, ["rule"]);
  const byReviewer = histogram("review_seconds", "Time from asking to a reviewer's answer.", PEOPLE, [
    "reviewer",
  ]);
  const handled = histogram("handler_seconds", "How long handlers ran.", MACHINES, ["kind"]);
  const ruleOf = bounded();
  const reviewerOf = bounded();
  const requesterOf = bounded();
  const kindOf = bounded();

  function observe(fact: Fact): void {
    switch (fact.what) {
      case "asked":
        requests.inc({ kind: kindOf(fact.kind) });
        requesters.inc({ requester: requesterOf(fact.requester) });
        if (fact.retried) retried.inc();
        break;
      case "joined":
        joined.inc();
        break;
      case "allowed":
        allowed.inc();
        break;
      case "shadow":
        shadow.inc({ would: fact.would, rule: ruleOf(fact.rule) });
        break;
      case "unknown":
        unknown.inc();
        break;
      case "reason":
        noes.inc();
        break;
      case "decided":
        decisions.inc({ verb: fact.verb, rule: ruleOf(fact.rule) });
        seconds(byRule, { rule: ruleOf(fact.rule) }, fact.took);
        break;
      case "reviewed":
        reviews.inc({ verb: fact.verb, reviewer: reviewerOf(fact.reviewer) });
        hasty.inc({ reviewer: reviewerOf(fact.reviewer) }, fact.took < HASTY_MS ? 1 : 0);
        seconds(byReviewer, { reviewer: reviewerOf(fact.reviewer) }, fact.took);
        break;
      case "handled":
        seconds(handled, { kind: kindOf(fact.kind) }, fact.took);
        break;
      case "outcome":
        outcomes.inc({ status: fact.status, kind: kindOf(fact.kind) });
        break;
    }
  }

  const gauges = {
    waiting: gauge("waiting", "Requests that wait for a decision, by risk.", ["risk"]),
    age: gauge("waiting_age", "Requests that wait for a decision, by how long.", ["age"]),
    oldest: gauge("oldest_waiting_seconds", "How long the oldest of them waits."),
    open: gauge("open", "Requests that are not closed, by status.", ["status"]),
    halted: gauge("halted", "Whether all executions are halted."),
    lag: histogram("watcher_lag_seconds", "From a save to the watcher's telling of it.", MACHINES),
    messages: gauge("messages_waiting", "What a channel still has to tell.", ["channel"]),
    given_up: gauge("messages_given_up", "Messages that a channel gave up.", ["channel"]),
    off: gauge("channel_off", "Whether a channel is switched off.", ["channel"]),
  };
  return { observe, gauges };
}

function seconds<L extends string>(meter: Histogram<L>, labels: Record<L, string>, ms: number): void {
  meter.observe(labels, ms / 1_000);
}

/** The first so many names as they are, and every other as `other`. */
function bounded(): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.size < NAMES) known.add(name);
    return known.has(name) ? name : "other";
  };
}
