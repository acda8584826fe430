import { text } from "./schema-values.ts";

/** The shape of `http:` in `countersign.yaml`; see `schema.ts` for what descriptions and examples are for. */

const TOKEN = "tokens: [{ role: reviewer, name: anna, file: ./anna.token }]";

/** A token that a client sends; `more` are fields beside whose it is and where it stands, all of them required. */
export const tokenSchema = (example: string, more: Readonly<Record<string, object>>) => ({
  type: "object",
  description: `${[...Object.keys(more), "name"].map((key) => `\`${key}:\``).join(", ")} and one of \`file:\`, \`env:\` and \`sha256:\``,
  examples: [example],
  required: [...Object.keys(more), "name"],
  additionalProperties: false,
  properties: {
    ...more,
    name: {
      type: "string",
      pattern: "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$",
      description: "whose it is: up to 64 letters, digits and . _ @ + -",
      examples: [example],
    },
    file: text("a file that only this user can read", example),
    env: {
      type: "string",
      pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
      description: "a variable of the environment at the start",
      examples: [example.replace(/file: [^ ]+/, "env: AGENT_TOKEN")],
    },
    sha256: {
      type: "string",
      pattern: "^[0-9a-f]{64}$",
      description: "the token's SHA-256 as 64 lower-case hex digits, in quotes",
      examples: [example.replace(/file: [^ ]+/, 'sha256: "9b1c…"')],
    },
  },
});

const role = {
  enum: ["agent", "reviewer", "operator", "reader"],
  description: "one of agent, reviewer, operator, reader",
  examples: [TOKEN],
};

export const HTTP_SCHEMA = {
  type: "object",
  description: "`listen:` and `tokens:`",
  examples: [`http: { listen: "127.0.0.1:8787", ${TOKEN} }`],
  required: ["listen", "tokens"],
  additionalProperties: false,
  properties: {
    listen: text("an address and a port", 'listen: "127.0.0.1:8787"'),
    hosts: {
      type: "array",
      uniqueItems: true,
      items: text("a name, with the port where one is used", "hosts: [approvals.example.com]"),
      description: "a list of further names under which clients address the server",
      examples: ["hosts: [approvals.example.com]"],
    },
    tokens: {
      type: "array",
      minItems: 1,
      items: tokenSchema(TOKEN, { role }),
      description: "a list with at least one token",
      examples: [TOKEN],
    },
  },
};
