import type { HttpOptions } from "../../../src/surfaces/http/server.ts";
import { makeScenery, openStage, removeScenery, type StageOptions } from "../../scenarios/stage.ts";
import { createStage } from "./stage.ts";

export type Whole = Awaited<ReturnType<typeof openWhole>>;

/** A whole daemon behind the real server: what clients meet, but for the process. */
export async function openWhole(
  options: StageOptions = {},
  http: Partial<HttpOptions> = {},
  prepare: (root: string) => void = () => {},
) {
  const scenery = makeScenery();
  prepare(scenery.root);
  const world = await openStage(scenery, options);
  await world.daemon.start();
  const server = createStage();
  await server.serveAll(world.application, http);
  let invoices = 0;
  return {
    ...server,
    world,
    /** Asks for a payment that nobody asked for before, and gives its id. */
    async submit(requester = "billing-agent", kind = "payment"): Promise<string> {
      invoices += 1;
      const params = { amount_cents: 150_000, payee: "ACME", invoice: invoices };
      const { request } = await world.application.submit({ kind, params, requester });
      return request.id;
    },
    async close(): Promise<void> {
      await server.close();
      await world.close();
      removeScenery(scenery);
    },
  };
}
