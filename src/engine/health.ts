/** Health that is told in time, also while the coordinator does not answer, as when its disk hangs in an fdatasync. */
import type { EngineHealth } from '../contract/engine.ts';

const patienceMsDefault = 2_000;

/** `whole`, or that the engine is degraded where it takes longer. */
export async function healthWithin(
  whole: Promise<EngineHealth>,
  patienceMs = patienceMsDefault,
): Promise<EngineHealth> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<EngineHealth>((resolve) => {
    const notice = `The engine has not answered for ${patienceMs / 1_000} s: its disk is slow, or it has too much to do`;
    timer = setTimeout(() => resolve({ status: 'degraded', notices: [notice] }), patienceMs);
  });
  try {
    return await Promise.race([whole, late]);
  } finally {
    clearTimeout(timer);
  }
}
