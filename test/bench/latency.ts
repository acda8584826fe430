import type { Floor } from "./floor.ts";
import { delay, now, until } from "./machine.ts";
import type { Person } from "./person.ts";
import { atMost, median, percentile, type Report } from "./report.ts";
import type { Kind, Marks, Scene } from "./scene.ts";

export interface LatencyPlan {
  readonly kind: Kind;
  readonly waiting: number;
  readonly decisions: number;
  /** Measured between the decisions, so that both see the same machine. */
  readonly floor: Floor | null;
}

/** Requests that this measurement decides wait already; as many are submitted as are decided. Gives the medians. */
export async function measureLatency(
  report: Report,
  scene: Scene,
  person: Person,
  { kind, waiting, decisions, floor }: LatencyPlan,
): Promise<{ toHandler: number }> {
  const section = `From a tick to its end, ${waiting} waiting, ${
    kind === "module" ? "handler in this process" : "`run` command"
  }`;
  const times: Record<keyof Marks | "toHandler" | "ran" | "committed", number[]> = {
    event: [],
    decided: [],
    durable: [],
    handler: [],
    handled: [],
    outcome: [],
    done: [],
    toHandler: [],
    ran: [],
    committed: [],
  };
  for (let i = -WARM_UP; i < decisions; i += 1) {
    const [id = ""] = await scene.submit(1, kind);
    await floor?.sample();
    await person.prepare([scene.pathOf(id)]);
    await scene.settled();
    // Away from the beat of whatever the daemon does at intervals.
    await delay(2 + ((Math.abs(i) * 7) % 13));
    const [marks = {}] = scene.follow([id]);
    const archived = scene.archived.count;
    const { began } = await person.save();
    await until(() => scene.archived.count > archived);
    if (i < 0) continue;
    const at = { saved: began[0] ?? 0, ...complete(marks) };
    times.event.push(at.event - at.saved);
    times.decided.push(at.decided - at.event);
    times.durable.push(at.durable - at.decided);
    times.handler.push(at.handler - at.durable);
    times.handled.push(at.handled - at.handler);
    times.outcome.push(at.outcome - at.handled);
    times.done.push(at.done - at.outcome);
    times.toHandler.push(at.handler - at.saved);
    if (kind === "command") times.ran.push((await scene.ranAt(id)) - at.handler);
    if (i % EVERY_COMMIT === 0) {
      await until(scene.historyIsWhole);
      times.committed.push(now() - at.done);
    }
  }
  report.spread(section, "saved → event seen", times.event);
  report.spread(section, "→ read, parsed, decided", times.decided);
  report.spread(section, "→ decision and start durable", times.durable);
  report.spread(section, "→ handler started", times.handler);
  if (kind === "command") report.spread(section, "  (handler started → command running)", times.ran);
  report.spread(section, "→ handler done", times.handled);
  report.spread(section, "→ outcome durable", times.outcome);
  report.spread(section, "→ note in Done", times.done);
  report.spread(section, "→ in the git history", times.committed, {
    ...(waiting >= 10_000 && atMost(median(times.committed), 250, "≤ 250 ms")),
  });
  const toHandler = report.spread(section, "saved → handler started, in all", times.toHandler, {
    ...atMost(percentile(times.toHandler, 0.99), 10, "p99 ≤ 10 ms"),
  });
  return { toHandler };
}

const WARM_UP = 20;
/** The history gathers for a moment before it commits; waiting for it every time would only cost time. */
const EVERY_COMMIT = 10;

function complete(marks: Marks): Required<Marks> {
  const { event, decided, durable, handler, handled, outcome, done } = marks;
  const all = { event, decided, durable, handler, handled, outcome, done };
  for (const [name, at] of Object.entries(all)) if (at === undefined) throw new Error(`no ${name} was seen`);
  return all as Required<Marks>;
}

/** The floor's own figures, and the target that is made of them. */
export function reportFloor(report: Report, { times }: Floor, toHandler: number): void {
  const section = "The floor, measured between the decisions above";
  report.spread(section, "event, raw fs.watch", times.raw);
  const event = report.spread(section, "event, the daemon's watcher alone", times.event);
  const read = report.spread(section, "read and parse one note", times.read);
  const durable = report.spread(section, "append 200 B and fdatasync", times.durable);
  const floor = event + read + durable;
  report.add(section, "event + read + one durable record", floor, "ms");
  const ratio = toHandler / floor;
  report.add(section, "saved → handler started, as a multiple", ratio, "×", atMost(ratio, 1.5, "≤ 1.5 ×"));
}
