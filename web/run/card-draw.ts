/** A step on a card of its own: glyph, name, and what it has taken and cost. */
import { durationText } from '../ui/duration.ts';
import { usdText } from '../ui/money.ts';
import { endOf } from './bands.ts';
import { shape, waitsFor } from './columns.ts';
import { drawGlyph } from './glyph.ts';
import { look } from './look.ts';
import { fonts } from './palette.ts';
import { fullK, type GraphScene } from './scene.ts';

const nameFont = `560 13px ${fonts}`;
const factFont = `420 11px ${fonts}`;

/** Looks that ask for attention have a ground and a border of their colour. */
function isLoud(code: number): boolean {
  return code === look.failed || code === look.running || code === look.needs;
}

export function drawCard(scene: GraphScene, box: number, step: number): void {
  drawFrame(scene, box, step);
  if (scene.camera.k < fullK) drawSmallText(scene, box, step);
  else drawFullText(scene, box, step);
}

function drawFrame(
  { context, run, layout, palette, camera, dpr, picked, hovered }: GraphScene,
  box: number,
  step: number,
) {
  const code = run.look[step]!;
  const alpha = context.globalAlpha;
  const isPicked = picked === step;
  context.beginPath();
  context.roundRect(layout.x[box]!, layout.y[box]!, layout.width[box]!, layout.height[box]!, 9);
  context.fillStyle = isLoud(code) ? palette.tint[code]! : palette.surface;
  if (isPicked || hovered === step) {
    context.shadowColor = palette.isDark ? 'rgb(0 0 0 / 55%)' : 'rgb(20 24 40 / 16%)';
    context.shadowBlur = 14 * camera.k * dpr;
    context.shadowOffsetY = 3 * camera.k * dpr;
  }
  context.fill();
  context.shadowColor = 'transparent';
  context.shadowBlur = 0;
  context.shadowOffsetY = 0;
  context.lineWidth = isPicked ? 2.4 : 1.2;
  context.strokeStyle = isPicked ? palette.accent : isLoud(code) ? palette.colour[code]! : palette.lineStrong;
  if (!isPicked && isLoud(code)) context.globalAlpha = alpha * 0.75;
  const isDashed = code === look.waiting || code === look.skipped;
  if (isDashed && !isPicked) context.setLineDash([4, 3.5]);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = alpha;
}

function glyphStyle({ palette, turn }: GraphScene, code: number) {
  return { colour: palette.colour[code]!, knock: palette.surface, fail: palette.fail, turn };
}

/** Glyph and name alone, so large that they can be read on the screen. */
function drawSmallText(scene: GraphScene, box: number, step: number): void {
  const { context, run, layout, palette, camera, fitter, names } = scene;
  const x = layout.x[box]!;
  const y = layout.y[box]!;
  const code = run.look[step]!;
  drawGlyph(context, code, { x: x + 12, y: y + 12, size: 22 }, glyphStyle(scene, code));
  const size = Math.min(22, Math.max(14, 10.5 / camera.k));
  const font = `580 ${size.toFixed(1)}px ${fonts}`;
  const name = fitter.fit(names.of(run, step), layout.width[box]! - 54, font);
  context.font = font;
  context.fillStyle = palette.text;
  context.textBaseline = 'middle';
  context.fillText(name, x + 44, y + layout.height[box]! / 2 + 1);
}

function drawFullText(scene: GraphScene, box: number, step: number): void {
  const { context, run, layout, palette, fitter, names } = scene;
  const x = layout.x[box]!;
  const y = layout.y[box]!;
  const width = layout.width[box]!;
  const code = run.look[step]!;
  drawGlyph(context, code, { x: x + 12, y: y + 15, size: 16 }, glyphStyle(scene, code));
  context.textBaseline = 'alphabetic';
  const name = fitter.fit(names.of(run, step), width - 52, nameFont);
  context.font = nameFont;
  context.fillStyle = code === look.waiting || code === look.skipped ? palette.text2 : palette.text;
  context.fillText(name, x + 38, y + 20);
  const cost = toCostFact(run.cost[step]!);
  const costWidth = cost === '' ? 0 : fitter.widthOf(cost, factFont) + 8;
  const facts = fitter.fit(toFacts(scene, step), width - 50 - costWidth, factFont);
  context.font = factFont;
  context.fillStyle = palette.text3;
  context.fillText(facts, x + 38, y + 36);
  if (cost === '') return;
  context.textAlign = 'right';
  context.fillText(cost, x + width - 11, y + 36);
  context.textAlign = 'left';
}

function toCostFact(cost: number): string {
  if (Number.isNaN(cost)) return '';
  return cost < 0 ? '$?' : usdText(cost);
}

/** `6.7 s · try 2 · openai_chat`. */
function toFacts({ run, now }: GraphScene, step: number): string {
  const code = run.look[step]!;
  const facts: string[] = [];
  if (code === look.needs) facts.push(run.waits[step] === waitsFor.decision ? 'needs a decision' : 'needs data');
  else if (code === look.skipped) facts.push('skipped');
  else if (code === look.waiting && run.waits[step] === waitsFor.budget) facts.push('budget used up');
  else if (code === look.waiting && run.waits[step] === waitsFor.time) facts.push('waits for its time');
  else if (code === look.waiting && run.waits[step] === waitsFor.workflow) facts.push('its run goes on');
  if (code === look.running || code === look.completed || code === look.failed || code === look.tolerated) {
    const took = endOf(run, step, now) - run.start[step]!;
    if (took >= 0) facts.push(durationText(took));
  }
  if (run.attempt[step]! > 1) facts.push(`try ${run.attempt[step]}`);
  if (run.shape[step] === shape.map) facts.push(run.count[step]! < 0 ? 'for each' : `${run.count[step]} items`);
  else if (run.shape[step] === shape.loop) facts.push(run.count[step]! < 0 ? 'repeats' : `round ${run.count[step]}`);
  else facts.push(run.actions[run.action[step]!]!);
  return facts.join('  ·  ');
}
