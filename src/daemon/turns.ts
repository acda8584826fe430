import type { RequestId } from "../core/request.ts";

/** One request at a time, many side by side: tasks of one id run one after the other, in the order of asking. */
export function createTurns() {
  const last = new Map<RequestId, Promise<void>>();
  return {
    /** Runs the task when its turn comes; a task that fails does not keep the next one from running. */
    take<T>(id: RequestId, task: () => Promise<T>): Promise<T> {
      const turn = (last.get(id) ?? Promise.resolve()).then(task);
      const over = turn.then(noop, noop).then(() => {
        if (last.get(id) === over) last.delete(id);
      });
      last.set(id, over);
      return turn;
    },

    /** Resolves when no task is running or waiting. */
    async settled(): Promise<void> {
      while (last.size > 0) await Promise.all(last.values());
    },
  };
}

function noop(): void {}
