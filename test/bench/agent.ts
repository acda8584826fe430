/** An agent that submits many requests over the daemon's socket, some side by side: a process of its own. */
import { Agent, request } from "node:http";

const [socketPath = "", count = "", together = ""] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(together) });
let left = Number(count);

const begun = process.hrtime.bigint();
await Promise.all(Array.from({ length: Number(together) }, submitAll));
process.stdout.write(String(Number(process.hrtime.bigint() - begun) / 1e6));
agent.destroy();

async function submitAll(): Promise<void> {
  while (left > 0) {
    left -= 1;
    // A requester of its own, so that no request joins one that was submitted otherwise.
    const params = { amount_cents: left + 1, payee: "ACME GmbH" };
    await submit(JSON.stringify({ kind: "module", params, requester: `agent-${process.pid}` }));
  }
}

function submit(body: string): Promise<void> {
  const headers = {
    host: "countersign",
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, agent, method: "POST", path: "/v1/requests", headers }, (answer) => {
      answer.resume();
      answer.on("end", () =>
        answer.statusCode === 201 ? resolve() : reject(new Error(`HTTP ${answer.statusCode}`)),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
