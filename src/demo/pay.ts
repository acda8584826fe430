/** The demo's handler: books one payment in an accounts file and prints a receipt. Knows nothing of Countersign. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

interface Job {
  readonly id: string;
  readonly idempotency_key: string;
  readonly params: { readonly amount_cents: number; readonly payee: string };
  readonly approved_by: readonly string[];
}

const [accounts = "Accounts.md"] = process.argv.slice(2);
const job: Job = JSON.parse(readFileSync(0, "utf8"));
const { amount_cents, payee } = job.params;

if (!existsSync(accounts)) {
  appendFileSync(accounts, "# Accounts\n\n| at | payee | cents | request |\n| --- | --- | --- | --- |\n");
}
const at = new Date().toISOString();
const cell = JSON.stringify(payee).replaceAll("|", "\\|");
appendFileSync(accounts, `| ${at} | ${cell} | ${amount_cents} | [[${job.id}]] |\n`);

const receipt = {
  receipt: `R-${job.idempotency_key}`,
  amount_cents,
  payee,
  at,
  approved_by: job.approved_by,
};
process.stdout.write(`${JSON.stringify(receipt)}\n`);
