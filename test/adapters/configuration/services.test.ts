import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfiguration } from "../../../src/adapters/configuration/load.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-services-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(services: string) {
  const file = join(folder, "countersign.yaml");
  await writeFile(file, `actions:\n  a: { caller: true }\nservices:\n${services}`, { mode: 0o600 });
  return loadConfiguration(file, { TOKEN: "t0k3n" });
}

test("services are settled: defaults filled in, secrets only named, paths absolute", async () => {
  await writeFile(join(folder, "review.mjs"), "");
  const { services, warnings } = await load(
    [
      "  fraud: { webhook: { url: https://example.com/review, secret: { env: S } }, timeout: 3s, dialect: agt }\n",
      "  inner: { webhook: { url: { env: U }, secret: { file: ./s }, allow_private: true } }\n",
      "  lists: { module: ./review.mjs, env: { A: b, TOKEN: null } }\n",
    ].join(""),
  );
  expect(services).toEqual([
    {
      name: "fraud",
      dialect: "agt",
      timeout_ms: 3_000,
      by: {
        by: "webhook",
        url: { plain: "https://example.com/review" },
        secret: { env: "S" },
        allow_private: false,
      },
    },
    {
      name: "inner",
      dialect: "countersign",
      timeout_ms: 10_000,
      by: { by: "webhook", url: { env: "U" }, secret: { file: join(folder, "s") }, allow_private: true },
    },
    {
      name: "lists",
      dialect: "countersign",
      timeout_ms: 10_000,
      by: { by: "module", file: join(folder, "review.mjs"), env: { A: "b", TOKEN: "t0k3n" } },
    },
  ]);
  expect(warnings).toEqual([]);
});

test("what is not there yet is a warning", async () => {
  const { warnings } = await load("  lists: { module: ./gone.mjs, env: { OTHER: null } }\n");
  expect(warnings).toEqual([
    `services.lists: ${join(folder, "gone.mjs")} is not there.`,
    "services.lists: the environment has no OTHER to pass on.",
  ]);
});

const HOOK = "webhook: { url: https://example.com/, secret: { env: S } }";

test.each([
  [
    "nobody who answers",
    "  a: { timeout: 2s }\n",
    4,
    /says not who answers; expected exactly one of `webhook:`/,
  ],
  [
    "two who answer",
    `  a:\n    ${HOOK}\n    module: ./x.mjs\n`,
    6,
    /services\.a has both; expected exactly one/,
  ],
  ["an environment for a webhook", `  a:\n    ${HOOK}\n    env: { A: b }\n`, 6, /no program to be for/],
  ["no secret", "  a: { webhook: { url: https://example.com/ } }\n", 4, /secret is missing/],
  [
    "a secret in the file",
    "  a: { webhook: { url: https://example.com/, secret: s3cret } }\n",
    4,
    /secret stands in the file; expected the secret/,
  ],
  [
    "an address that is not encrypted",
    '  a: { webhook: { url: "http://example.com/", secret: { env: S } } }\n',
    4,
    /webhook\.url is not encrypted/,
  ],
  [
    "another dialect",
    `  a: { ${HOOK}, dialect: slack }\n`,
    4,
    /is "slack"; expected one of countersign, agt/,
  ],
  ["no time at all", `  a: { ${HOOK}, timeout: 0s }\n`, 4, /longer than 0s/],
  ["an unknown key", `  a: { ${HOOK}, retries: 3 }\n`, 4, /services\.a\.retries is not known/],
  ["a name with capitals", `  Fraud: { ${HOOK} }\n`, 4, /the name services\.Fraud is not taken/],
])("%s is answered with line and hint", async (_, text, line, message) => {
  const fault = await load(text).then(
    () => null,
    (error: unknown) => error,
  );
  expect(fault).toMatchObject({ code: "config_invalid", message: expect.stringMatching(message) });
  expect(String(fault)).toContain(`countersign.yaml:${line}:`);
  expect(String(fault)).not.toContain("s3cret");
});
