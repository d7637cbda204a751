/**
 * Clients that were let in without the API_TOKEN: browser extensions that a person has paired by a code, and programs that
 * were given a token. What each may do is its scope.
 */
import { z } from 'zod';
import { isoTimeSchema } from './workflow.ts';

/**
 * `read`: every GET, but no params with their values. `capture`: what waits, templates, sending data, starting a template
 * that takes a page, and reading what this client started or gave data to. `full`: everything.
 */
export const scopeSchema = z.enum(['read', 'capture', 'full']);
export type TokenScope = z.infer<typeof scopeSchema>;

/** An extension pairs for `capture`; a token of scope `full` is the API_TOKEN alone. */
const grantedScopeSchema = z.enum(['read', 'capture']);

export const clientNameLengthMax = 100;
const clientNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(clientNameLengthMax)
  .meta({ description: 'what it is called in lists' });

export const pairedClientSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    origin: z.string().nullable().meta({ description: 'of an extension; null for a program' }),
    scope: grantedScopeSchema,
    created_at: isoTimeSchema,
    last_used_at: isoTimeSchema.nullable().meta({ description: 'the hour in which it called last' }),
  })
  .meta({ id: 'PairedClient' });
export type PairedClient = z.infer<typeof pairedClientSchema>;

export const pairingSchema = z
  .object({
    code: z.string().meta({ description: '8 letters and digits without look-alikes; good for one extension' }),
    expires_at: isoTimeSchema.meta({ description: 'by then the extension must have sent it' }),
  })
  .meta({ id: 'Pairing' });
export type Pairing = z.infer<typeof pairingSchema>;

export const pairRequestSchema = z
  .strictObject({
    code: z
      .string()
      .max(64)
      .meta({ description: 'as `hybrid-engine pair` shows it; small letters, blanks and hyphens are fine' }),
    name: clientNameSchema,
  })
  .meta({ id: 'PairRequest' });

export const clientRequestSchema = z
  .strictObject({ name: clientNameSchema, scope: grantedScopeSchema })
  .meta({ id: 'ClientRequest' });

export const newClientSchema = z
  .object({
    token: z.string().meta({ description: '256 random bits, told this once: `Authorization: Bearer <token>`' }),
    scope: grantedScopeSchema,
    client: pairedClientSchema.pick({ id: true, name: true, origin: true, created_at: true }),
  })
  .meta({ id: 'NewClient' });
export type NewClient = z.infer<typeof newClientSchema>;

/** `.engine/clients.json`. Of a token there is its SHA-256 alone. */
export const clientsFileSchema = z.object({
  version: z.literal(1),
  clients: z.array(pairedClientSchema.extend({ token_sha256: z.string().regex(/^[0-9a-f]{64}$/) })).readonly(),
});
export type KeptClients = z.infer<typeof clientsFileSchema>;
export type KeptClient = KeptClients['clients'][number];

/** As browsers write the origin of an extension, to the letter; a page cannot have one. */
const extensionOrigin =
  /^(?:chrome-extension:\/\/[a-p]{32}|moz-extension:\/\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export function isExtensionOrigin(origin: string): boolean {
  return extensionOrigin.test(origin);
}

/** Idempotency-Keys of a client begin with this. The blank is refused in the header, so that nobody else can take one. */
export function toClientKeyPrefix(clientId: string): string {
  return ` client/${clientId}/`;
}
