import { HTTP_SCHEMA, tokenSchema } from "./schema-http.ts";
import { MCP_SERVER_SCHEMA } from "./schema-services.ts";
import { text } from "./schema-values.ts";

/** The shape of `gateway:` in `countersign.yaml`; see `schema.ts` for what descriptions and examples are for. */

const UPSTREAMS = "upstreams: { files: { command: [npx, -y, server-filesystem, /srv/files] } }";
const TOKEN = "tokens: [{ name: claude, file: ./claude.token }]";

export const GATEWAY_SCHEMA = {
  type: "object",
  description: "`upstreams:`, and for HTTP `listen:` and `tokens:`",
  examples: [`gateway: { ${UPSTREAMS} }`],
  required: ["upstreams"],
  additionalProperties: false,
  properties: {
    listen: text("an address and a port", 'listen: "127.0.0.1:8789"'),
    hosts: HTTP_SCHEMA.properties.hosts,
    tokens: {
      type: "array",
      minItems: 1,
      items: tokenSchema(TOKEN, {}),
      description: "a list with at least one token",
      examples: [TOKEN],
    },
    upstreams: {
      type: "object",
      description: "a name and an MCP server for each",
      examples: [UPSTREAMS],
      minProperties: 1,
      maxProperties: 50,
      propertyNames: {
        // Two underscores part it from a tool's own name.
        pattern: "^(?!.*__)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description: "a name of up to 64 letters, digits and . - _, with no two _ beside each other",
        examples: [UPSTREAMS],
      },
      additionalProperties: { ...MCP_SERVER_SCHEMA, examples: [UPSTREAMS] },
    },
  },
};
