// The splat renderer, fetched only when a mode needs it: it is three quarters of the page's bytes.

/** Load it, once, for a scene: {spark, renderer}, the renderer being an object of that scene. */
export async function loadSpark(stage, scene = stage.scene) {
  const spark = await import('@sparkjsdev/spark');
  let renderer = scene.getObjectByName('spark');
  if (!renderer) {
    renderer = new spark.SparkRenderer({ renderer: stage.renderer, onDirty: () => stage.invalidate() });
    renderer.name = 'spark';
    scene.add(renderer);
  }
  return { spark, renderer };
}
