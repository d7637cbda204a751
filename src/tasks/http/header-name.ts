/** Names of headers that a step may set. */
import { z } from 'zod';

/** Framing and routing of the message are ours; `host` could name another machine than the one that was checked. */
const ownHeaders = new Set([
  'host',
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$/, 'is not the name of a header')
  .refine((name) => !ownHeaders.has(name.toLowerCase()), 'is a header that is set by the engine');
