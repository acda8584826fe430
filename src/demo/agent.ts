/** A small agent that has to pay a bill. All that it knows of Countersign is two commands. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const countersign = (...args: string[]) => {
  const main = new URL("../main.ts", import.meta.url).pathname;
  const options = process.argv.slice(2);
  return promisify(execFile)(process.execPath, [...process.execArgv, main, ...args, ...options]);
};

// Another bill each time, as bills are: the same one again, behind a no, would be a further attempt at it.
const memo = `memo=invoice ${Date.now()}`;
const asked = await countersign(
  "request",
  ...["--kind", "payment", "--requester", "billing-agent", "--expires", "1h"],
  ...["--param", "payee=ACME GmbH", "--param", "amount_cents:=150000", "--param", memo],
).catch((error: { stderr: string; code: number }) => {
  process.stderr.write(error.stderr);
  process.exit(error.code);
});
const id = asked.stdout.trim();
process.stdout.write(`${id}\n`);

// Every outcome but `executed` has an exit code of its own, so what is told is in the document.
const told = await countersign("wait", id, "--json").catch((error: { stdout: string }) => error);
process.stdout.write(told.stdout);
