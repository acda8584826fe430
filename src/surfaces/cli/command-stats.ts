import type { Command } from "commander";
import { Fault } from "../../core/codes.ts";
import type { Json } from "../../core/json.ts";
import type { Spread } from "../../core/statistics.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { pointInTime } from "./options.ts";

export function addStatsCommand(program: Command, run: Run): void {
  program
    .command("stats")
    .description("what waits, how it was decided, how fast and by whom; counted from the journal")
    .option(
      "--since <time>",
      "not before: a date, a time with its zone, or a duration ago such as 7d",
      pointInTime,
    )
    .addHelpText("after", "\nExample:\n  countersign stats --since 7d")
    .action(({ since }: { since?: number }) => run((context) => stats(context, since)));
}

async function stats(context: Context, since: number | undefined): Promise<number> {
  const { createStatistics } = await import("../../core/statistics.ts");
  const { statsText } = await import("./stats-text.ts");
  const statistics = createStatistics(since);
  const { deps, options } = context;
  const records = since === undefined ? deps.readAudit(options) : deps.readAuditSince(options, since);
  for await (const one of records) {
    if ("request" in one) statistics.adopt(one.request);
    else statistics.take(one.id, one.event);
  }
  const found = statistics.read(Date.now());
  const watcher_lag_ms = await lagOf(context);
  context.print(
    { ...(found as unknown as Record<string, Json>), watcher_lag_ms },
    statsText(found, watcher_lag_ms as Spread | null),
  );
  return EXIT.done;
}

/** How late the watcher tells of saves, which only a running daemon knows. */
async function lagOf(context: Context): Promise<Json> {
  try {
    const client = await context.client();
    const health = await client.ask({ socket: "any", method: "GET", path: "/v1/health" });
    return health.watcher_lag_ms ?? null;
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}
