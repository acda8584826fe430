/**
 * `npx tsx test/bench/policy.ts`: how many requests a policy judges per second, by the number of its rules. Every rule is
 * for the request's kind and has an expression over its params that is judged, and only the last one matches: no rule is
 * spared, and every one is in the trace. Per second of the processor.
 */
import { drawn, judge } from "../../src/policy/judge.ts";
import type { FoundText } from "../../src/policy/layers.ts";
import { loadPolicy } from "../../src/policy/load.ts";
import type { Subject } from "../../src/policy/policy.ts";

/** Requests per second with 100 rules, as the Agent Governance Toolkit publishes it. */
const PUBLISHED = 32_000;
const RUN_MS = 1_000;
const AT = Date.parse("2026-11-21T09:14:03Z");

function textOf(count: number): string {
  const rules = Array.from({ length: count }, (_, at) => {
    const when =
      at === count - 1
        ? "params.amount_cents > 100"
        : `params.amount_cents > 900000000 && params.payee == 'p${at}'`;
    return `  - { id: r${at}, priority: ${count - at}, match: { kind: payment }, when: "${when}", decision: require_approval }`;
  });
  return `rules:\n${rules.join("\n")}\n`;
}

function measure(count: number): { rate: number; loading: number } {
  const text = textOf(count);
  const read = (name: string): FoundText => ({ id: name, name, text });
  const before = performance.now();
  const { policy, findings } = loadPolicy("bench.yaml", read, { kinds: null, people: null });
  const loading = performance.now() - before;
  if (policy === null) throw new Error(JSON.stringify(findings));
  const subject: Subject = {
    kind: "payment",
    params: { amount_cents: 150_000, payee: "ACME GmbH", reference: "invoice-117" },
    tags: ["money"],
    requester: "billing-agent",
    on_behalf_of: null,
    key: null,
    created: AT,
    now: AT,
  };
  const once = () => drawn(judge(policy, subject), "sha256:00");
  if (once().rule !== `r${count - 1}`) throw new Error("another rule decided than was meant");
  let done = 0;
  const end = (ms: number) => performance.now() + ms;
  for (const warm = end(RUN_MS / 2); performance.now() < warm; ) once();
  // By the processor's time, so that whatever else the machine does takes nothing away.
  const start = process.cpuUsage();
  for (const until = end(RUN_MS); performance.now() < until; done += 1) once();
  return { rate: (done / process.cpuUsage(start).user) * 1_000_000, loading };
}

console.log("rules    judged/s    loading");
for (const count of [1, 10, 100, 1_000]) {
  const { rate, loading } = measure(count);
  const against = count === 100 ? `  ${(rate / PUBLISHED).toFixed(1)} × the published ${PUBLISHED}` : "";
  console.log(
    `${String(count).padStart(5)}  ${Math.round(rate).toLocaleString("en").padStart(10)}  ${loading.toFixed(0).padStart(6)} ms${against}`,
  );
}
