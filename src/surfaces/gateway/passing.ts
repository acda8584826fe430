import type { Client } from "@modelcontextprotocol/client";
import {
  type ListPromptsResult,
  type ListResourcesResult,
  type ListResourceTemplatesResult,
  ProtocolError,
  ProtocolErrorCode,
  type RequestMethod,
  type ResultTypeMap,
  type Server,
  type ServerCapabilities,
  type ServerContext,
  UriTemplate,
} from "@modelcontextprotocol/server";
import { Fault } from "../../core/codes.ts";
import type { Gateway, Place } from "./gateway.ts";
import { progressLine } from "./progress.ts";

/** How agents call what is one server's; the same as the server does where there is only one. */
export type Naming = (place: Place, name: string) => string;

const WITHOUT_LIMIT_MS = 2_147_483_647;

/**
 * What every server answers; those that cannot be reached are named to the operator and left out, unless it is all of
 * them.
 */
export async function fromAll<T>(
  { places, options }: Gateway,
  work: (place: Place) => Promise<T>,
): Promise<{ readonly place: Place; readonly answer: T }[]> {
  const answers = await Promise.allSettled(
    places.map(async (place) => ({ place, answer: await work(place) })),
  );
  const came = answers.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const errors = answers.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  if (came.length === 0 && errors.length > 0) throw plain(errors[0]);
  errors.forEach(options.onError);
  return came;
}

/** `lasting`: whether the agent is there to be told of what changes later on. */
export function passResources(server: Server, gateway: Gateway, lasting: boolean): void {
  const { places } = gateway;
  const having = thoseWith("resources");
  /** Which server listed it last. */
  const owners = new Map<string, Place>();

  const resources = () =>
    fromAll(
      gateway,
      having((client) => client.listResources(undefined, { cacheMode: "bypass" }), { resources: [] }),
    );
  const templates = () =>
    fromAll(
      gateway,
      having((client) => client.listResourceTemplates(undefined, { cacheMode: "bypass" }), {
        resourceTemplates: [],
      }),
    );

  async function ownerOf(uri: string): Promise<Place> {
    const [only, ...others] = places;
    if (only !== undefined && others.length === 0) return only;
    if (!owners.has(uri)) {
      for (const { place, answer } of await resources()) {
        for (const one of answer.resources) owners.set(one.uri, place);
      }
    }
    const lister = owners.get(uri);
    if (lister !== undefined) return lister;
    const fitting = (await templates()).find(({ answer }) =>
      answer.resourceTemplates.some(({ uriTemplate }) => new UriTemplate(uriTemplate).match(uri) !== null),
    );
    if (fitting !== undefined) return fitting.place;
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Resource ${uri} not found`);
  }

  server.setRequestHandler("resources/list", async () => {
    const lists = await resources();
    for (const { place, answer } of lists) for (const { uri } of answer.resources) owners.set(uri, place);
    const all = lists.flatMap(({ answer }) => answer.resources);
    return { ...onlyOne(lists), resources: all } as ListResourcesResult;
  });
  server.setRequestHandler("resources/templates/list", async () => {
    const lists = await templates();
    const all = lists.flatMap(({ answer }) => answer.resourceTemplates);
    return { ...onlyOne(lists), resourceTemplates: all } as ListResourceTemplatesResult;
  });
  server.setRequestHandler("resources/read", async ({ params }, ctx) =>
    pass(await ownerOf(params.uri), "resources/read", params, ctx),
  );
  if (server.getCapabilities().resources?.subscribe !== true) return;
  server.setRequestHandler("resources/subscribe", async ({ params: { uri } }) => {
    const { subscriptions } = await ownerOf(uri);
    await plainly(() => subscriptions.add(uri, lasting));
    return {};
  });
  server.setRequestHandler("resources/unsubscribe", async ({ params: { uri } }) => {
    const { subscriptions } = await ownerOf(uri);
    await plainly(() => subscriptions.drop(uri));
    return {};
  });
}

export function passPrompts(server: Server, gateway: Gateway, naming: Naming): void {
  const having = thoseWith("prompts");
  server.setRequestHandler("prompts/list", async () => {
    const lists = await fromAll(
      gateway,
      having((client) => client.listPrompts(undefined, { cacheMode: "bypass" }), { prompts: [] }),
    );
    const prompts = lists.flatMap(({ place, answer }) =>
      answer.prompts.map((prompt) => ({ ...prompt, name: naming(place, prompt.name) })),
    );
    return { ...onlyOne(lists), prompts } as ListPromptsResult;
  });
  server.setRequestHandler("prompts/get", ({ params }, ctx) => {
    const { place, name } = ownerOfName(gateway, naming, params.name);
    return pass(place, "prompts/get", { ...params, name }, ctx);
  });
}

export function passCompletion(server: Server, gateway: Gateway, naming: Naming): void {
  server.setRequestHandler("completion/complete", async ({ params }, ctx) => {
    const { ref } = params;
    if (ref.type === "ref/prompt") {
      const { place, name } = ownerOfName(gateway, naming, ref.name);
      return pass(place, "completion/complete", { ...params, ref: { ...ref, name } }, ctx);
    }
    const lists = await fromAll(
      gateway,
      thoseWith("resources")((client) => client.listResourceTemplates(undefined, { cacheMode: "bypass" }), {
        resourceTemplates: [],
      }),
    );
    const owner =
      gateway.places.length === 1
        ? gateway.places[0]
        : lists.find(({ answer }) =>
            answer.resourceTemplates.some(({ uriTemplate }) => uriTemplate === ref.uri),
          )?.place;
    if (owner === undefined)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Resource ${ref.uri} not found`);
    return pass(owner, "completion/complete", params, ctx);
  });
}

function ownerOfName({ places }: Gateway, naming: Naming, name: string): { place: Place; name: string } {
  for (const place of places) {
    const prefix = naming(place, "");
    if (name.startsWith(prefix)) return { place, name: name.slice(prefix.length) };
  }
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Prompt ${name} not found`);
}

/** A server without this is not asked for it. */
function thoseWith(capability: keyof ServerCapabilities) {
  return <T>(work: (client: Client) => Promise<T>, none: T) =>
    async ({ upstream }: Place): Promise<T> =>
      upstream.use(async (client) =>
        client.getServerCapabilities()?.[capability] === undefined ? none : work(client),
      );
}

/** What a single server says beside its list. */
function onlyOne(lists: readonly { readonly answer: object }[]): object {
  return lists.length === 1 ? (lists[0]?.answer ?? {}) : {};
}

/** Asks a server, in the words that clients understand where it cannot be asked. */
async function plainly<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw plain(error);
  }
}

/** Passes a question on as it was asked, for as long as whoever asked waits. */
async function pass<Method extends RequestMethod & keyof ResultTypeMap>(
  place: Place,
  method: Method,
  { _meta, ...params }: { readonly _meta?: object | undefined; readonly [name: string]: unknown },
  ctx: ServerContext,
): Promise<ResultTypeMap[Method]> {
  const { progressToken: _, ...meta } = (_meta ?? {}) as { progressToken?: unknown };
  const progress = progressLine(ctx);
  const asked = { method, params: { ...params, ...(Object.keys(meta).length > 0 && { _meta: meta }) } };
  const options = {
    signal: ctx.mcpReq.signal,
    timeout: WITHOUT_LIMIT_MS,
    ...(progress !== null && { onprogress: progress.pass }),
  };
  try {
    const answer = await plainly(() => place.upstream.use((client) => client.request(asked, options)));
    return answer as ResultTypeMap[Method];
  } finally {
    progress?.end();
  }
}

/** A fault of ours as the protocol has it: clients tell people the message. */
function plain(error: unknown): unknown {
  if (!(error instanceof Fault)) return error;
  return new ProtocolError(ProtocolErrorCode.InternalError, `${error.message} ${error.hint}`);
}
