import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { describe as describeApi } from "../../../src/surfaces/http/openapi.ts";

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
  }[];
  readonly responses: Record<string, { content: Record<string, { schema: object }> }>;
}

export const API = describeApi("0.0.0") as unknown as {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: object;
};

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema({ $id: "api", ...API });
const compiled = new Map<string, ValidateFunction>();

/** What the document has against an answer: its route, its status or its shape; empty when it agrees. */
export function objections(method: string, path: string, status: number, body: unknown): readonly string[] {
  const template = templateOf(path);
  if (template === null) return status >= 400 && status < 500 ? [] : [`${path} is not documented`];
  const operation = API.paths[template]?.[method.toLowerCase()];
  if (operation === undefined)
    return status < 500 && status >= 400 ? [] : [`${method} ${template} is not documented`];
  const name = `${method} ${template} ${status}`;
  const schema = operation.responses[status]?.content["application/json"]?.schema;
  if (schema === undefined) return [`${name} is not documented`];
  const validate = compiled.get(name) ?? ajv.compile(absolute(schema));
  compiled.set(name, validate);
  return validate(body) ? [] : [`${name}: ${ajv.errorsText(validate.errors)}`];
}

/** References of a part, as seen from outside the document. */
function absolute(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components'));
}

function templateOf(path: string): string | null {
  const parts = (path.split("?")[0] ?? "").split("/");
  const found = Object.keys(API.paths)
    .filter((template) => {
      const wanted = template.split("/");
      return (
        wanted.length === parts.length &&
        wanted.every((part, at) => part.startsWith("{") || part === parts[at])
      );
    })
    .sort((a, b) => a.split("{").length - b.split("{").length);
  return found[0] ?? null;
}
