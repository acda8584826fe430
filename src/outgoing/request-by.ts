/**
 * Node's own client for an address. An import of its modules would make all that they export, a second client among
 * them, which takes longer than the rest of what starts a gateway.
 */
export function requestBy({ protocol }: URL) {
  const { request } = process.getBuiltinModule(protocol === "https:" ? "node:https" : "node:http");
  return request;
}
