// The splat renderer, fetched only when a mode needs it: it is three quarters of the page's bytes.

let module = null;

/** Load it once: `{spark, renderer}`; the renderer object belongs in the scene. */
export async function loadSpark(stage) {
  module ??= import('@sparkjsdev/spark').then((spark) => {
    const renderer = new spark.SparkRenderer({ renderer: stage.renderer, onDirty: () => stage.invalidate() });
    renderer.name = 'spark';
    stage.scene.add(renderer);
    return { spark, renderer };
  });
  return module;
}
