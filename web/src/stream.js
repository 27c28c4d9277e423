// The newest frame on the graphics card, and the uniforms that all views of it share.

import {
  ClampToEdgeWrapping, DataTexture, LinearFilter, Matrix4, NearestFilter, NoColorSpace, RGBAFormat, RedFormat,
  RedIntegerFormat, Texture, UnsignedByteType, UnsignedShortType, Vector4,
} from 'three';
import { paletteBytes } from './palette.js';
import { inverseDepth } from './shape.js';

const SMOOTHING = 0.35; // seconds after which an old range counts half: framing does not breathe
const TORN_FROM = 0.6; // a jump of depth by 60 % is torn even by the gentlest cut
const TORN_TO = 0.03; // and by 0.6 * 0.03 = 1.8 % by the hardest
const HALO_CUT = 0.6; // film blurs the edges of depth: what it draws between two surfaces is torn

function texture(data, width, height, format, type, internalFormat) {
  const made = new DataTexture(data, width, height, format, type);
  made.internalFormat = internalFormat;
  made.magFilter = made.minFilter = NearestFilter;
  made.wrapS = made.wrapT = ClampToEdgeWrapping;
  made.colorSpace = NoColorSpace;
  made.unpackAlignment = 1;
  made.generateMipmaps = false;
  made.needsUpdate = true;
  return made;
}

export class Stream {
  head = null;
  depth = null;
  shape = null;
  hasConfidence = false;
  /** Show at most about so many pixels: for what is slow on this computer. */
  mostPixels = Infinity;
  /** Every size of frame that has come: views with a count of their own rebuild when it changes. */
  version = 0;
  #renderer;
  #settings;
  #quantiles = null;
  #time = 0;

  constructor(renderer, settings) {
    this.#renderer = renderer;
    this.#settings = settings;
    const one = new Uint8Array([255]);
    this.uniforms = {
      depths: { value: texture(new Uint16Array(1), 1, 1, RedIntegerFormat, UnsignedShortType, 'R16UI') },
      confidences: { value: texture(one, 1, 1, RedFormat, UnsignedByteType, 'R8') },
      picture: { value: null },
      palette: { value: null },
      lens: { value: new Vector4(1, 1, 0, 0) },
      span: { value: new Vector4() },
      form: { value: new Vector4(1, 1, 0, 0) },
      grid: { value: new Vector4(1, 1, 1, 0) },
      byDepth: { value: 0 },
    };
    this.worldFromCamera = new Matrix4();
    this.setPalette(settings.get('colour_map'));
  }

  setPalette(name) {
    this.uniforms.palette.value?.dispose();
    const made = texture(paletteBytes(name), 256, 1, RGBAFormat, UnsignedByteType, 'RGBA8');
    made.magFilter = made.minFilter = LinearFilter;
    this.uniforms.palette.value = made;
  }

  get isMetric() {
    return this.head?.flags.metric ?? false;
  }

  /** Put a decoded RGBD packet in place of the last one. */
  apply({ head, content }) {
    const { width, height } = head.extension;
    const isNewSize = !this.head || this.head.extension.width !== width || this.head.extension.height !== height;
    this.head = head;
    this.depth = content.depth;
    this.#put('depths', content.depth, width, height, RedIntegerFormat, UnsignedShortType, 'R16UI');
    this.hasConfidence = content.confidence !== null;
    if (this.hasConfidence) {
      this.#put('confidences', content.confidence, width, height, RedFormat, UnsignedByteType, 'R8');
    }
    this.#putPicture(content.colour);
    const [a, b, c, d, e, f, g, h, i, j, k, l] = head.extension.worldFromCamera;
    this.worldFromCamera.set(a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 1);
    this.#follow(content.quantiles, isNewSize);
    this.update();
    if (isNewSize) this.version++;
    return isNewSize;
  }

  #put(name, data, width, height, format, type, internalFormat, filter = NearestFilter) {
    const held = this.uniforms[name];
    if (held.value?.isDataTexture && held.value.image.width === width && held.value.image.height === height) {
      held.value.image.data = data;
      held.value.needsUpdate = true;
    } else {
      held.value?.dispose();
      held.value = texture(data, width, height, format, type, internalFormat);
      held.value.magFilter = held.value.minFilter = filter;
    }
    held.value.unpackAlignment = data.BYTES_PER_ELEMENT;
  }

  /** `picture`: an ImageBitmap, or {width, height, pixels}; see decode/colour.js. */
  #putPicture(picture) {
    if (picture.pixels) {
      this.#put('picture', picture.pixels, picture.width, picture.height, RGBAFormat, UnsignedByteType, 'RGBA8', LinearFilter);
    } else this.#putBitmap(picture);
  }

  #putBitmap(bitmap) {
    const held = this.uniforms.picture;
    const old = held.value;
    if (!old || old.isDataTexture || old.image.width !== bitmap.width || old.image.height !== bitmap.height || old.image.isClosed) {
      old?.dispose();
      held.value = new Texture(bitmap);
      Object.assign(held.value, {
        minFilter: LinearFilter, magFilter: LinearFilter, generateMipmaps: false, flipY: false, colorSpace: NoColorSpace,
      });
    }
    held.value.image = bitmap;
    held.value.needsUpdate = true;
    this.#renderer.initTexture(held.value); // on the card at once, so that the bitmap's memory can go
    const { width, height } = bitmap;
    bitmap.close();
    held.value.image = { width, height };
  }

  /** The distribution of depth, smoothed over time so that percentiles do not flicker. */
  #follow(quantiles, isNewSize) {
    if (!quantiles) return;
    const { near, far, levels } = this.head.extension;
    const [offset, step] = [1 / far, (1 / near - 1 / far) / (levels - 1)];
    const now = performance.now() / 1000;
    const keep = !this.#quantiles || isNewSize ? 0 : 0.5 ** ((now - this.#time) / SMOOTHING);
    const next = quantiles.map((q) => offset + step * (q - 1));
    if (keep > 0) next.forEach((value, i) => (next[i] = keep * this.#quantiles[i] + (1 - keep) * value));
    this.#quantiles = next;
    this.#time = now;
  }

  /** Inverse depth below which lies the share `percent` of the nearest pixels. */
  inverseDepthAt(percent) {
    if (!this.#quantiles) return 1;
    const at = (Math.min(100, Math.max(0, percent)) / 100) * (this.#quantiles.length - 1);
    const left = Math.floor(at);
    const right = Math.min(left + 1, this.#quantiles.length - 1);
    return this.#quantiles[left] + (at - left) * (this.#quantiles[right] - this.#quantiles[left]);
  }

  depthAt(percent) {
    return 1 / this.inverseDepthAt(percent);
  }

  /** Work the settings into the uniforms. */
  update() {
    if (!this.head) return;
    const { width, height, fx, fy, cx, cy, near, far, levels, isLossy } = this.head.extension;
    const settings = this.#settings.values;
    const nearCut = Math.min(settings.near_percentile, settings.far_percentile - 1);
    const shape = {
      width, height, fx, fy, cx, cy,
      offset: 1 / far,
      step: (1 / near - 1 / far) / (levels - 1),
      low: settings.far_percentile >= 100 ? 0 : this.inverseDepthAt(settings.far_percentile),
      high: nearCut <= 0 ? Infinity : this.inverseDepthAt(nearCut),
      pivot: this.depthAt(50),
      scale: settings.depth_scale,
      invert: settings.invert ? this.inverseDepthAt(1) + this.inverseDepthAt(99) : 0,
    };
    this.shape = shape;
    const cut = isLossy ? Math.max(settings.edge_cut, HALO_CUT) : settings.edge_cut;
    const torn = settings.edge_cut > 0 ? 1 + TORN_FROM * TORN_TO ** cut : 0;
    this.uniforms.lens.value.set(fx, fy, cx, cy);
    this.uniforms.span.value.set(
      shape.offset,
      shape.step,
      Math.max(shape.low, inverseDepth(shape, 0)),
      Math.min(shape.high, inverseDepth(shape, levels + 1)),
    );
    this.uniforms.form.value.set(shape.pivot, shape.scale, torn, shape.invert);
    this.uniforms.grid.value.set(
      width,
      height,
      Math.max(settings.subsample, Math.ceil(Math.sqrt((width * height) / this.mostPixels))),
      this.hasConfidence ? settings.confidence / 100 : 0,
    );
    this.uniforms.byDepth.value = settings.colouring === 'depth' ? 1 : 0;
    this.range = { near: 1 / this.inverseDepthAt(nearCut), far: 1 / this.inverseDepthAt(settings.far_percentile) };
  }
}
