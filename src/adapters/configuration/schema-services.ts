import { environment, reference, referenceOrText } from "./schema-values.ts";

/** The shape of `services:` in `countersign.yaml`; see `schema.ts` for what descriptions and examples are for. */

const WEBHOOK = "webhook: { url: https://example.com/review, secret: { env: REVIEW_SECRET } }";

const webhook = {
  type: "object",
  description: "`url:` and `secret:`",
  examples: [WEBHOOK],
  required: ["url", "secret"],
  additionalProperties: false,
  properties: {
    url: referenceOrText("the URL", "url: https://example.com/review"),
    secret: reference("the secret that signs what is sent", "secret: { env: REVIEW_SECRET }"),
    allow_private: { type: "boolean", description: "true or false", examples: ["allow_private: true"] },
  },
};

/** The shape of an action's `http:`. */
export const HTTP_EXECUTOR_SCHEMA = {
  ...webhook,
  examples: ["http: { url: https://example.com/deploy, secret: { env: DEPLOY_SECRET } }"],
  properties: {
    ...webhook.properties,
    method: {
      enum: ["POST", "PUT", "PATCH", "DELETE"],
      description: "one of POST, PUT, PATCH, DELETE",
      examples: ["method: POST"],
    },
  },
};

const MCP = "mcp: { server: { command: [./tickets-mcp] }, tool: create_ticket }";

/** How an MCP server is reached: by a program that is started, or by its address. */
export const MCP_SERVER_SCHEMA = {
  type: "object",
  description: "`command:` or `url:`",
  examples: [MCP],
  additionalProperties: false,
  properties: {
    command: {
      type: "array",
      minItems: 1,
      items: { type: "string", minLength: 1, description: "an argument as a string", examples: [MCP] },
      description: "the program and its arguments as a list; no shell reads it",
      examples: [MCP],
    },
    env: environment("env: { TICKETS: main, API_TOKEN: null }"),
    url: referenceOrText("the URL", "url: https://example.com/mcp"),
    token: reference("the bearer token", "token: { env: TICKETS_TOKEN }"),
    allow_private: { type: "boolean", description: "true or false", examples: ["allow_private: true"] },
  },
};

/** The shape of an action's `mcp:`. */
export const MCP_SCHEMA = {
  type: "object",
  description: "`server:` and `tool:`",
  examples: [MCP],
  required: ["server", "tool"],
  additionalProperties: false,
  properties: {
    server: MCP_SERVER_SCHEMA,
    tool: {
      type: "string",
      minLength: 1,
      maxLength: 200,
      description: "the tool's name",
      examples: ["tool: create_ticket"],
    },
    arguments: {
      type: "object",
      description: 'the tool\'s arguments, with "{name}" for params',
      examples: ['arguments: { title: "{title}", project: OPS }'],
    },
  },
};

const service = {
  type: "object",
  description: "a service with `webhook:` or `module:`",
  examples: [`fraud-check: { ${WEBHOOK} }`],
  additionalProperties: false,
  properties: {
    webhook,
    module: {
      type: "string",
      minLength: 1,
      maxLength: 1_000,
      description: "the name of a file that exports `review`",
      examples: ["module: ./review.mjs"],
    },
    env: environment("env: { LISTS: eu, API_TOKEN: null }"),
    timeout: { type: "string", description: "how long an answer may take", examples: ["timeout: 10s"] },
    dialect: {
      enum: ["countersign", "agt"],
      description: "one of countersign, agt",
      examples: ["dialect: agt"],
    },
  },
};

export const SERVICES_SCHEMA = {
  type: "object",
  description: "a name and its service for each",
  examples: [`services: { fraud-check: { ${WEBHOOK} } }`],
  maxProperties: 50,
  propertyNames: {
    pattern: "^[a-z][a-z0-9_-]{0,39}$",
    description: "a name of up to 40 lower-case letters, digits, - and _, beginning with a letter",
    examples: [`services: { fraud-check: { ${WEBHOOK} } }`],
  },
  additionalProperties: service,
};
