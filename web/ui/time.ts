/** Points in time, in the zone that the reader has chosen, by the engine's clock. */
import { signal } from '@preact/signals';

export type Zone = 'local' | 'utc';

export const zone = signal<Zone>('local');

/** What must be added to this machine's clock to get the engine's, in milliseconds. */
let clockOffsetMs = 0;

/** A `Date` header has whole seconds: less than this says nothing about the clocks. */
const clockDoubtMs = 2_000;

/** `receivedAt` as Date.now() gave it when the answer's head came. */
export function noteServerDate(header: string | null, receivedAt: number): void {
  const at = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(at)) return;
  const offset = at + 500 - receivedAt;
  clockOffsetMs = Math.abs(offset) < clockDoubtMs ? 0 : offset;
}

/** Now, by the engine's clock. Running durations are counted with it. */
export function serverNow(): number {
  return Date.now() + clockOffsetMs;
}

export function switchZone(): void {
  zone.value = zone.value === 'utc' ? 'local' : 'utc';
}

/** `18:48:28`. */
export function clockText(iso: string, inZone: Zone = zone.value): string {
  return format(iso, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }, inZone);
}

/** `29 Nov 2026`. */
export function dateText(iso: string, inZone: Zone = zone.value): string {
  return format(iso, { day: 'numeric', month: 'short', year: 'numeric' }, inZone);
}

/** The time where it was today, else the date. */
export function momentText(iso: string, now: number = serverNow(), inZone: Zone = zone.value): string {
  const today = dateText(new Date(now).toISOString(), inZone);
  return dateText(iso, inZone) === today ? clockText(iso, inZone) : dateText(iso, inZone);
}

/** `29 Nov 2026, 18:48`. */
export function fullText(iso: string, inZone: Zone = zone.value): string {
  return `${dateText(iso, inZone)}, ${clockText(iso, inZone).slice(0, 5)}`;
}

/** The name of the zone that times are shown in: `UTC`, `Europe/Berlin`. */
export function zoneName(inZone: Zone = zone.value): string {
  return inZone === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function format(iso: string, options: Intl.DateTimeFormatOptions, inZone: Zone): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return '–';
  return new Intl.DateTimeFormat('en-GB', inZone === 'utc' ? { ...options, timeZone: 'UTC' } : options).format(at);
}
