/** The captures' store in memory; what IndexedDB does is shown in Chromium. */
import type { Capture } from '../../extension/capture.ts';
import type { CaptureRow, CaptureStore } from '../../extension/captures.ts';

export class MemoryStore implements CaptureStore {
  readonly kept = new Map<string, { row: CaptureRow; capture: Capture }>();

  async rows(): Promise<CaptureRow[]> {
    return [...this.kept.values()].map(({ row }) => row);
  }

  async row(id: string): Promise<CaptureRow | undefined> {
    return this.kept.get(id)?.row;
  }

  async content(id: string): Promise<Capture | undefined> {
    return this.kept.get(id)?.capture;
  }

  async add(row: CaptureRow, capture: Capture): Promise<void> {
    this.kept.set(row.id, { row, capture });
  }

  async update(row: CaptureRow): Promise<void> {
    const found = this.kept.get(row.id);
    if (found !== undefined) this.kept.set(row.id, { ...found, row });
  }

  async remove(id: string): Promise<void> {
    this.kept.delete(id);
  }
}

export function sketchCapture(fields: Partial<Capture> = {}): Capture {
  return {
    ...{ kind: 'page', html: '<p>Tea</p>', text: 'Tea', title: 'On tea', url: 'https://site.example/tea', lang: 'en' },
    capturedAt: '2026-11-30T12:00:00.000Z',
    ...fields,
  };
}
