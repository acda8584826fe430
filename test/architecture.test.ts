import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");

const FILES = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .sort();

/** What a file imports: `core/…` for our own, the package's name for others. Dynamic imports count as well. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(SRC, path), "utf8");
  const found = text.matchAll(
    /(?:^|[\s;])(?:import|export)\s[^;"']*?from\s+["']([^"']+)["']|import\(\s*["']([^"']+)["']/gm,
  );
  const bare = text.matchAll(/^import\s+["']([^"']+)["']/gm);
  return [...found, ...bare].map((match) => {
    const name = match[1] ?? match[2] ?? "";
    return name.startsWith(".") ? relative(SRC, resolve(SRC, dirname(path), name)) : name;
  });
}

const folderOf = (path: string) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : path);

/** Which folders and packages a folder may import, besides itself. */
const RULES: Record<string, readonly RegExp[]> = {
  core: [],
  // `node:crypto` only for SHA-256, which is as pure as the rest; gray-matter, yaml and jsonc-parser are its parsers.
  document: [/^core\//, /^gray-matter$/, /^yaml$/, /^jsonc-parser$/, /^canonicalize$/, /^node:crypto$/],
  // Evaluating needs no more than core and the expression library; reading a policy's text needs document.
  policy: [/^core\//, /^document\/(fields|digest)\.ts$/, /^@marcbachmann\/cel-js$/],
  people: [/^core\//, /^document\/(fields|digest|visible)\.ts$/, /^temporal-polyfill$/],
  ledger: [/^core\//, /^document\//, /^node:/, /^canonicalize$/],
  // The one way out to addresses that a configuration names; adapters and handlers share it.
  outgoing: [/^core\//, /^document\/(json|recordable)\.ts$/, /^node:/, /^ipaddr\.js$/],
  adapters: [/^core\//, /^document\//, /^outgoing\//, /^node:/],
  handlers: [/^core\//, /^document\//, /^outgoing\//, /^node:/, /^jose(\/|$)/],
  // The loop and the application know the outside only by the ports that they declare.
  daemon: [/^core\//, /^document\//],
  application: [/^core\//, /^document\//, /^daemon\//, /^policy\//, /^people\//],
  surfaces: [
    /^core\//,
    /^document\//,
    /^application\/(application|policies|known-people)\.ts$/,
    /^policy\//,
    /^node:/,
    /^hono/,
    /^@hono\//,
    /^commander$/,
    /^@modelcontextprotocol\/server/,
    /^outgoing\/mcp-(server|result)\.ts$/,
  ],
};

/** The one package that each adapter is for. */
const ADAPTER_PACKAGES: Record<string, RegExp> = {
  "adapters/watcher.ts": /^chokidar$/,
  "adapters/log.ts": /^pino$/,
  "adapters/metrics.ts": /^prom-client$/,
  "adapters/notify/mail.ts": /^nodemailer$/,
  "adapters/notify/daily.ts": /^temporal-polyfill$/,
  "adapters/configuration/": /^(yaml|ajv(\/.*)?)$/,
  "adapters/setup.ts": /^yaml$/,
  "adapters/tool-actions.ts": /^yaml$/,
  "handlers/mcp-call.ts": /^@modelcontextprotocol\/client/,
  "outgoing/mcp-": /^@modelcontextprotocol\/client/,
  "surfaces/gateway/": /^@modelcontextprotocol\/client/,
};

describe("imports", () => {
  for (const path of FILES) {
    test(`${path} keeps to the rules of its folder`, () => {
      const folder = folderOf(path);
      const allowed = RULES[folder];
      if (allowed === undefined) return;
      const own = Object.entries(ADAPTER_PACKAGES).find(([place]) => path.startsWith(place))?.[1];
      const wrong = importsOf(path).filter((name) => {
        if (name.startsWith(`${folder}/`)) return false;
        return ![...allowed, ...(own ? [own] : [])].some((rule) => rule.test(name));
      });
      expect(wrong).toEqual([]);
    });
  }

  test("whatever else there is puts things together, or is an example", () => {
    const free = new Set(FILES.map(folderOf).filter((folder) => RULES[folder] === undefined));
    expect([...free]).toEqual(["demo", "examples", "main.ts", "sdk.ts", "wiring"]);
  });

  test("only main.ts and its wiring know adapters, the ledger's journal and the handlers", () => {
    for (const path of FILES.filter(
      (file) => !/^(main\.ts|sdk\.ts|wiring\/|demo\/|adapters\/|ledger\/|handlers\/)/.test(file),
    )) {
      const outside = importsOf(path).filter((name) => /^(adapters|ledger|handlers)\//.test(name));
      expect({ path, outside }).toEqual({ path, outside: [] });
    }
  });

  test("gray-matter is called in one place", () => {
    const users = FILES.filter((path) => importsOf(path).includes("gray-matter"));
    expect(users).toEqual(["document/frontmatter-split.ts"]);
  });

  test("only main.ts reads the arguments and the environment", () => {
    const readers = FILES.filter((path) => /process\.(argv|env)/.test(readFileSync(join(SRC, path), "utf8")));
    expect(readers.filter((path) => !/^(main\.ts|sdk\.ts|demo\/)/.test(path))).toEqual([]);
  });
});

describe("the core", () => {
  test("has no clock, no randomness and no I/O", () => {
    for (const path of FILES.filter((file) => /^(core|document|policy|people)\//.test(file))) {
      const text = readFileSync(join(SRC, path), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
      expect(text, path).not.toMatch(
        /Date\.now|new Date\(\)|Math\.random|process\.|console\.|setTimeout|fetch\(/,
      );
    }
  });
});

test("no file or folder has a name that says nothing", () => {
  const odd = FILES.filter((path) =>
    /(^|\/)(utils?|helpers?|common|misc|types|manager|index)(\/|\.ts$)/.test(path),
  );
  expect(odd).toEqual([]);
});
