/** The colours of theme.css as a canvas needs them. */
import { type Look, lookColours } from '../ui/look.ts';
import { lookNames } from './look.ts';

export interface Palette {
  readonly isDark: boolean;
  readonly canvas: string;
  readonly surface: string;
  readonly surface2: string;
  readonly line: string;
  readonly lineStrong: string;
  readonly edge: string;
  readonly text: string;
  readonly text2: string;
  readonly text3: string;
  readonly accent: string;
  readonly fail: string;
  /** By look. */
  readonly colour: readonly string[];
  readonly tint: readonly string[];
}

export const fonts = '"Inter Variable", Inter, system-ui, sans-serif';

export function readPalette(): Palette {
  const root = document.documentElement;
  const style = getComputedStyle(root);
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const tokens = lookNames.map((name: Look) => lookColours[name]);
  return {
    isDark: root.dataset.theme === 'dark',
    canvas: read('canvas'),
    surface: read('surface'),
    surface2: read('surface-2'),
    line: read('line'),
    lineStrong: read('line-strong'),
    edge: read('edge'),
    text: read('text'),
    text2: read('text-2'),
    text3: read('text-3'),
    accent: read('accent'),
    fail: read('fail'),
    colour: tokens.map(read),
    tint: tokens.map((token) => read(`${token}-tint`)),
  };
}

/** Texts cut to a width, kept because measuring costs most of a frame. */
export class TextFitter {
  readonly #context: CanvasRenderingContext2D;
  readonly #fitted = new Map<string, string>();
  readonly #widths = new Map<string, number>();

  constructor(context: CanvasRenderingContext2D) {
    this.#context = context;
  }

  clear(): void {
    this.#fitted.clear();
    this.#widths.clear();
  }

  /** The text, or its beginning and `…`, in at most so many units; the font is set afterwards. */
  fit(text: string, widthMax: number, font: string): string {
    this.#context.font = font;
    const width = Math.floor(widthMax);
    const key = `${width} ${font} ${text}`;
    const known = this.#fitted.get(key);
    if (known !== undefined) return known;
    const fitted = this.#cut(text, width);
    if (this.#fitted.size > 20_000) this.#fitted.clear();
    this.#fitted.set(key, fitted);
    return fitted;
  }

  widthOf(text: string, font: string): number {
    this.#context.font = font;
    const key = `${font} ${text}`;
    const known = this.#widths.get(key);
    if (known !== undefined) return known;
    const { width } = this.#context.measureText(text);
    if (this.#widths.size > 20_000) this.#widths.clear();
    this.#widths.set(key, width);
    return width;
  }

  #cut(text: string, width: number): string {
    const context = this.#context;
    if (width <= 0) return '';
    // A name may have any length; what cannot be seen is not measured.
    const shown = text.length > 400 ? text.slice(0, 400) : text;
    if (shown === text && context.measureText(text).width <= width) return text;
    let low = 0;
    let high = shown.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (context.measureText(`${shown.slice(0, middle)}…`).width <= width) low = middle;
      else high = middle - 1;
    }
    return `${shown.slice(0, low).trimEnd()}…`;
  }
}
