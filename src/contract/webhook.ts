/**
 * Templates that other programs start by a signed request, and templates that take a captured page: what their files say,
 * and what a delivery is.
 */
import { z } from 'zod';
import { conditionSchema } from './flow.ts';
import { secretNameSchema } from './secret-store.ts';

export const webhookSchema = z
  .strictObject({
    verify: z.enum(['standard', 'github', 'stripe', 'token']).meta({
      description:
        "how a delivery shows that it is the sender's: Standard Webhooks, GitHub (`X-Hub-Signature-256`), Stripe, or `Authorization: Bearer <secret>`",
    }),
    secret: secretNameSchema.meta({
      description: 'the name of a secret: `SECRET_<NAME>`, SECRETS_DIR or SECRETS_FILE',
    }),
    when: conditionSchema
      .optional()
      .meta({ description: 'CEL over `body`, `headers` and `query`; false: the delivery makes no workflow' }),
    params: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'the params of the run; `{{body.…}}`, `{{headers.…}}` and `{{query.…}}` are what came' }),
  })
  .meta({ id: 'Webhook' });
export type TemplateWebhook = z.infer<typeof webhookSchema>;

const paramNameSchema = z.string().min(1).max(128);

/** Which params a captured page fills. */
export const acceptsSchema = z
  .strictObject({
    page: z.strictObject({
      html: paramNameSchema.optional(),
      text: paramNameSchema.optional(),
      url: paramNameSchema.optional(),
      title: paramNameSchema.optional(),
      lang: paramNameSchema.optional(),
    }),
  })
  .meta({ id: 'Accepts', description: 'a captured page can start it: the name of the param that each part goes into' });

/** The names that stand for a delivery in `when` and `params`. */
export const deliveryNames = ['body', 'headers', 'query'] as const;

/** What `when` and `params` of a webhook see. */
export interface DeliveryData {
  readonly body: unknown;
  /** By their names in small letters; those that carry tokens and signatures are left out. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of a name that comes several times the first. */
  readonly query: Readonly<Record<string, string>>;
}

/** A delivery as it comes in. Nothing of it is believed yet. */
export interface Delivery {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly query: Readonly<Record<string, string>>;
  /** Reads the body, at most so much as a call may have; called once, after the headers were found plausible. */
  read(): Promise<Uint8Array>;
  /**
   * The body as JSON; called once, after the bytes were verified. Rejects with a Refusal. `told`: what is lost of its
   * numbers, for the workflow's warnings.
   */
  parse(bytes: Uint8Array): Promise<{ readonly value: unknown; readonly told: readonly string[] }>;
  /** Why it is refused: for the log, never for the caller. No value of a secret or of a header is in it. */
  onRefused(why: string): void;
}

export const hookReplySchema = z.object({ workflow_id: z.string() }).meta({ id: 'HookReply' });

/** What a delivery came to; null where `when` has left it out. `replayed`: it was known already. */
export type HookAnswer = { readonly workflow_id: string; readonly replayed: boolean } | null;

const prefix = ' hook/';
/** How long the key of a delivery outlives its workflow, and how many do. */
export const hookKeyMsMin = 30 * 86_400_000;
export const hookKeysMax = 100_000;

/** The blank is refused in the header of clients, so that none of them can take a delivery's key. `id`: 43 characters. */
export function toHookKey(template: string, id: string): string {
  return `${prefix}${template}/${id}`;
}

export function isHookKey(key: string): boolean {
  return key.startsWith(prefix);
}
