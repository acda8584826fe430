import type { Command } from "commander";
import type { ChannelView, Delivery } from "../../core/channel.ts";
import { Fault } from "../../core/codes.ts";
import type { Context, Run } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { line, time } from "./text.ts";

/** A test may take as long as the slowest channel's time. */
const TEST_MS = 120_000;

export function addNotifyCommands(program: Command, run: Run): void {
  const notify = program.command("notify").description("how people are told what happens");
  notify
    .command("list")
    .description("the channels of the configuration, and how they fare")
    .addHelpText("after", "\nExample:\n  countersign notify list")
    .action(() => run(list));
  notify
    .command("test <name>")
    .description("send a sample message by a channel now, and say what came of it")
    .addHelpText("after", "\nExample:\n  countersign notify test ops")
    .action((name: string) => run((context) => test(context, name)));
  notify
    .command("enable <name>")
    .description("switch a channel on again that kept failing")
    .addHelpText("after", "\nExample:\n  countersign notify enable ops")
    .action((name: string) => run((context) => enable(context, name)));
}

async function list(context: Context): Promise<number> {
  const client = await context.client();
  const answer = await client.ask({ socket: "reviewer", method: "GET", path: "/v1/channels" });
  if (!Array.isArray(answer.channels)) throw new Fault("internal", "The daemon's answer lists no channels.");
  const channels = answer.channels as unknown as readonly ChannelView[];
  if (channels.length > 0 || context.options.json) context.print(answer, channels.map(told).join("\n"));
  else context.tell("Nobody is told: `notify:` in countersign.yaml names no channel.");
  return EXIT.done;
}

async function test(context: Context, name: string): Promise<number> {
  const client = await context.client();
  const path = `${pathOf(name)}/test`;
  const answer = await client.ask({ socket: "reviewer", method: "POST", path, wait_ms: TEST_MS });
  const delivery = answer as unknown as Delivery;
  const text = delivery.ok ? `Delivered: ${line(delivery.what)}` : `Not delivered: ${line(delivery.why)}`;
  context.print(answer, text);
  return delivery.ok ? EXIT.done : EXIT.refused;
}

async function enable(context: Context, name: string): Promise<number> {
  const client = await context.client();
  const answer = await client.ask({ socket: "reviewer", method: "POST", path: `${pathOf(name)}/enable` });
  context.print(answer, told(answer as unknown as ChannelView));
  return EXIT.done;
}

function pathOf(name: string): string {
  return `/v1/channels/${encodeURIComponent(name)}`;
}

/** A line for a channel, and one for what is wrong with it. */
function told(channel: ChannelView): string {
  const { name, kind, state, waiting, delivered, given_up, why, next_try, tries } = channel;
  const counts = [
    `${delivered} delivered`,
    `${waiting} waiting`,
    ...(given_up === 0 ? [] : [`${given_up} given up`]),
  ];
  const first = `${name}  ${kind}  ${state === "off" ? "switched off" : state}  ${counts.join(", ")}`;
  if (why === null) return first;
  const again = next_try === null ? "" : `; next try ${time(next_try)}`;
  const more = state === "off" ? `; countersign notify enable ${name}` : ` (tried ${tries} times${again})`;
  return `${first}\n  ${line(why)}${more}`;
}
