import {
  makeScenery,
  openStage,
  removeScenery,
  type Scenery,
  type Stage,
  type StageOptions,
} from "../scenarios/stage.ts";

/** The daemons of one test, and the folders that they play in. */
export interface Stages {
  /** Folders that are removed behind the test. */
  scenery(): Scenery;
  /** Starts a daemon that has looked through everything; on new folders, or where another one was. */
  open(options?: StageOptions, scenery?: Scenery): Promise<Stage>;
  /** Ends it without a word. */
  kill(stage: Stage): Promise<void>;
  /** Ends it without a word, and starts another one in its place. */
  restart(stage: Stage, options?: StageOptions): Promise<Stage>;
  /** For `afterEach`; `check` sees each daemon that was not killed before it is stopped. */
  end(check?: (stage: Stage) => void): Promise<void>;
}

export function createStages(): Stages {
  const sceneries = new Map<string, Scenery>();
  const stages = new Set<Stage>();

  const self: Stages = {
    scenery() {
      const scenery = makeScenery();
      sceneries.set(scenery.root, scenery);
      return scenery;
    },

    async open(options = {}, scenery = self.scenery()) {
      if (!sceneries.has(scenery.root)) sceneries.set(scenery.root, scenery);
      const stage = await openStage(scenery, options);
      stages.add(stage);
      await stage.daemon.start();
      await stage.daemon.rescan();
      await stage.daemon.settled();
      return stage;
    },

    async kill(stage) {
      stages.delete(stage);
      await stage.kill();
    },

    async restart(stage, options = {}) {
      await self.kill(stage);
      return self.open(options, stage);
    },

    async end(check) {
      for (const stage of stages) {
        stages.delete(stage);
        check?.(stage);
        await stage.close();
      }
      for (const scenery of sceneries.values()) removeScenery(scenery);
      sceneries.clear();
    },
  };
  return self;
}
