/**
 * Calls one function of a module of the operator's, in a process of its own (see module-run.ts): it can hold up, fill
 * the memory of, or end nothing but this process, and finds nothing of the daemon's in it.
 *
 * What the function gives is written between two lines that only the daemon expects, so that nothing that the module
 * prints can be taken for it. What it prints through `console` or `process.stdout` goes to standard error.
 */
import { pathToFileURL } from "node:url";

/** What the daemon asks for: one JSON document on standard input. */
export interface ModuleCall {
  /** Absolute. */
  readonly file: string;
  /** The name that the module exports. */
  readonly name: string;
  readonly argument: unknown;
  /** What its answer stands between. */
  readonly marker: string;
}

/**
 * `unready`: the function was never called. `unsaid`: it came to its end, and what it gave is no JSON. Behind the other
 * two stands what it gave, or why it failed.
 */
export type Came = "returned" | "unsaid" | "threw" | "unready";

/** More of an error's text would not be read. */
const REASON_CHARACTERS = 2_000;

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

const ending = new AbortController();
// Asked to end, because its time is over: the function is told so, and has a moment left to put things in order.
process.on("SIGTERM", () => ending.abort(new Error("the time for it is over")));

const call = JSON.parse(await readAll()) as ModuleCall;
const { came, text } = await carryOut(call);
write(`\n${call.marker} ${came}\n${text}\n${call.marker} end\n`, () => process.exit(0));

async function carryOut({ file, name, argument }: ModuleCall): Promise<{ came: Came; text: string }> {
  let run: unknown;
  try {
    const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    run = module[name];
  } catch (error) {
    return { came: "unready", text: reasonOf(error) };
  }
  if (typeof run !== "function") return { came: "unready", text: `it exports no function ${name}` };
  let value: unknown;
  try {
    value = await run(argument, { signal: ending.signal });
  } catch (error) {
    return { came: "threw", text: reasonOf(error) };
  }
  try {
    return { came: "returned", text: JSON.stringify(value ?? null) ?? "null" };
  } catch (error) {
    return { came: "unsaid", text: reasonOf(error) };
  }
}

async function readAll(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
  return text;
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, REASON_CHARACTERS).toWellFormed();
}
