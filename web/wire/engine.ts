/** What the shell knows of the engine: whether it asks for a token, which version it is, and that it was restarted. */
import { get } from './api.ts';
import { otherVersion } from './connection.ts';
import { hasToken, tokenWanted } from './token.ts';

interface Health {
  readonly auth?: 'none' | 'token';
  readonly version?: string;
}

/** Asked before anything else, so that no call is made that can only be refused. */
export async function askHealth(): Promise<void> {
  const { auth, version } = await get<Health>('/api/health');
  if (auth === 'token' && !hasToken()) tokenWanted.value = true;
  otherVersion.value = version !== undefined && version !== BUILD_VERSION ? version : null;
}
