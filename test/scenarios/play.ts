import { Fault } from "../../src/core/codes.ts";
import { jsonLine } from "../../src/surfaces/cli/text.ts";
import { COMMANDS } from "./commands.ts";
import { inOrder, normalised, tellRecord } from "./telling.ts";
import { type Command, parseStory, renderBlock } from "./transcript.ts";
import { openWorld, type World } from "./world.ts";

/** Plays a story from its beginning and gives its text anew, every output as it came out this time. */
export async function playStory(text: string): Promise<string> {
  const parts = parseStory(text);
  const has = (name: string) => parts.some((part) => "command" in part && part.command.name === name);
  const world = await openWorld({ withGit: has("commits"), withAdoption: has("drop") });
  const teller = createTeller(world);
  const told: string[] = [];
  try {
    for (const part of parts) {
      if ("prose" in part) told.push(`${part.prose}\n`);
      else told.push(renderBlock(part.lines, await teller.perform(part.command)));
    }
  } finally {
    await world.end();
  }
  return told.join("");
}

/** Performs commands, lets everything come of them that comes at that moment, and tells what that was. */
function createTeller(world: World) {
  let lastSeq = 0;
  let executions = 0;

  return {
    async perform(command: Command): Promise<string> {
      const perform = COMMANDS[command.name];
      if (perform === undefined) throw new Error(`there is no command ${command.name}`);
      let before = world.person.files();
      const answer = await attempt(() => perform(world, command));
      if (BY_HAND.has(command.name)) {
        const after = world.person.files();
        for (const path of pathsBetween(before, after)) world.stage()?.hint(path);
        if (command.name !== "copy") before = after;
      }
      await world.rest();
      const recorded = await world.records(lastSeq);
      const records = inOrder(recorded, ({ id, event }) => `${event.at} ${id}`);
      const jobs = inOrder(world.scenery.executions.slice(executions), ({ id }) => id);
      lastSeq = recorded.at(-1)?.seq ?? lastSeq;
      executions += jobs.length;
      const lines = [
        ...(typeof answer === "string" ? [answer] : []),
        ...records.map((record) => tellRecord(record, world.nameOf(record.id))),
        ...jobs.map(({ kind, params, attempt: { constraints } }) => {
          const held = constraints === undefined ? "" : `, held to ${JSON.stringify(constraints)}`;
          return `the handler is given ${kind} ${jsonLine(params)}${held}`;
        }),
        ...world.heard.splice(0),
        ...(world.stage()?.errors.splice(0) ?? []).map((error) => `error: ${JSON.stringify(error)}`),
        ...changesBetween(before, world.person.files()),
      ];
      return normalised(lines.join("\n"));
    },
  };
}

/** Commands that change files behind the daemon's back; the watcher tells it so when it runs. */
const BY_HAND = new Set([
  "type",
  "tick",
  "untick",
  "edit",
  "empty",
  "move",
  "delete",
  "restore",
  "save",
  "copy",
  "drop",
  "delete-file",
]);

async function attempt(perform: () => unknown): Promise<unknown> {
  try {
    return await perform();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return `refused, ${error.code}: ${error.message} ${error.hint}`;
  }
}

type Files = ReadonlyMap<string, string>;

function pathsBetween(before: Files, after: Files): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.filter((path) => before.get(path) !== after.get(path));
}

function changesBetween(before: Files, after: Files): string[] {
  return pathsBetween(before, after).map((path) => {
    if (!before.has(path)) return `+ ${path}`;
    return after.has(path) ? `~ ${path}` : `- ${path}`;
  });
}
