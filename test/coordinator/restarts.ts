/** Engines on the same data, one life after the other: after a crash (an image of the directory) or a clean end. */
import { onTestFinished } from 'vitest';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { type InlineEngine, type InlineOptions, openInline } from '../fixtures/inline-engine.ts';

export type Life = InlineEngine & { dir: EngineDir };

export function newDir(): EngineDir {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  return dir;
}

/** Ended with the test; what still runs then is stopped first, so that nothing waits for it. */
export async function live(dir: EngineDir = newDir(), options: InlineOptions = {}): Promise<Life> {
  const inline = await openInline(dir, options);
  onTestFinished(() => end(inline));
  return { ...inline, dir };
}

export async function end({ engine }: Pick<InlineEngine, 'engine'>): Promise<void> {
  try {
    for (const status of ['RUNNING', 'PENDING'] as const) {
      for (const { id } of (await engine.list({ status })).items) await engine.stop(id);
    }
  } catch {
    // Ended by the test already, or finished meanwhile.
  }
  await engine.close();
}

/** A data directory as a crash at this moment would leave it. `change` is what else befell it before the next start. */
export function crash(dir: EngineDir, change: (image: EngineDir) => void = () => undefined): EngineDir {
  const image = dir.crashImage();
  onTestFinished(() => image.remove());
  change(image);
  return image;
}

export async function restart(
  dir: EngineDir,
  change: (image: EngineDir) => void = () => undefined,
  options: InlineOptions = {},
): Promise<Life> {
  return live(crash(dir, change), options);
}
