/** `GET /api/engine`: what the one who runs the engine wants to see on one page. No secret is on it. */
import { z } from 'zod';
import { isoTimeSchema } from './workflow.ts';

export const engineLimitSchema = z.object({
  name: z
    .string()
    .meta({ description: 'as in `budget of the day, US dollars` or `requests a minute of openai/gpt-4o`' }),
  used: z.number().nullable().meta({ description: 'null where nobody counts' }),
  max: z.number(),
  resets: isoTimeSchema.nullable().meta({ description: 'when it begins anew' }),
});

export const enginePageSchema = z
  .object({
    version: z.string(),
    node: z.string(),
    uptime_seconds: z.number(),
    settings: z.record(z.string(), z.unknown()).meta({ description: 'by the name of the setting; no secrets' }),
    providers: z.array(z.object({ name: z.string(), configured: z.boolean() })),
    limits: z.array(engineLimitSchema),
    disk: z.object({
      free: z.number().nullable().meta({ description: 'bytes where WORKFLOWS_DIR is; null where it cannot be read' }),
    }),
    cache: z
      .object({ entries: z.int(), bytes: z.number() })
      .meta({ description: 'kept results of steps with `cache`' }),
    templates_errors: z.array(z.object({ file: z.string(), message: z.string() })),
  })
  .meta({ id: 'EnginePage' });
export type EnginePage = z.infer<typeof enginePageSchema>;
/** What only the engine knows of it; the server adds the rest. */
export type EnginePageParts = Pick<EnginePage, 'providers' | 'limits' | 'disk' | 'cache' | 'settings'>;

export const ticketRequestSchema = z
  .strictObject({
    for: z.literal('events'),
    workflow: z.string().max(64).optional().meta({ description: 'a ticket for the events of this workflow alone' }),
  })
  .meta({ id: 'TicketRequest' });

export const ticketSchema = z
  .object({
    ticket: z.string().meta({ description: '256 random bits; good for one connection' }),
    expires_at: isoTimeSchema.meta({ description: 'by then the stream must be opened' }),
  })
  .meta({ id: 'Ticket' });
export type Ticket = z.infer<typeof ticketSchema>;
