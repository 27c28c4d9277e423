// Gaussians that the model made: the server packs them as the splat renderer keeps them, we copy them into one array.

export class SplatsView {
  object = null;
  count = 0;
  #stage;
  #settings;
  #spark;
  #packed = null;
  #key = '';

  constructor(stage, settings, { spark }) {
    this.#stage = stage;
    this.#settings = settings;
    this.#spark = spark;
  }

  /** Show a decoded SPLAT16 packet. The array never changes while the stream's capacity does not: */
  apply({ head, content }) {
    const { capacity, count, lnScaleMin, lnScaleMax, rgbMin, rgbMax } = head.extension;
    const key = [capacity, lnScaleMin, lnScaleMax, rgbMin, rgbMax].join();
    if (key !== this.#key) {
      this.#build(capacity, { lnScaleMin, lnScaleMax, rgbMin, rgbMax });
      this.#key = key;
    }
    const words = new Uint32Array(content.splats.buffer, content.splats.byteOffset, content.splats.byteLength / 4);
    const array = this.#packed.packedArray;
    array.set(words.length > array.length ? words.subarray(0, array.length) : words);
    array.fill(0, words.length); // splats of no size are skipped: the tail costs nothing
    this.#packed.needsUpdate = true;
    this.count = count;
    this.update();
  }

  #build(capacity, splatEncoding) {
    const { PackedSplats, SplatMesh, dyno } = this.#spark;
    this.dispose();
    this.#packed = new PackedSplats({
      packedArray: new Uint32Array(capacity * 4), numSplats: capacity, splatEncoding,
    });
    this.size = new dyno.DynoFloat({ key: 'splatSize', value: 1 });
    const resize = dyno.dynoBlock({ gsplat: dyno.Gsplat }, { gsplat: dyno.Gsplat }, ({ gsplat }) => {
      const { scales } = dyno.splitGsplat(gsplat).outputs;
      return { gsplat: dyno.combineGsplat({ gsplat, scales: dyno.mul(scales, this.size) }) };
    });
    // The mesh puts its own encoding in place of the array's: both are told.
    this.object = new SplatMesh({ packedSplats: this.#packed, splatEncoding, objectModifier: resize, raycastable: false });
    this.object.frustumCulled = false;
    this.#stage.data.add(this.object);
  }

  update() {
    if (!this.object) return;
    this.size.value = this.#settings.get('splat_size');
    this.object.updateVersion();
  }

  dispose() {
    this.object?.removeFromParent();
    this.object?.dispose();
    this.#packed?.dispose();
    this.object = null;
  }
}
