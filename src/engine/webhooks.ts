/**
 * Deliveries of webhooks: from a signed request to one workflow of a template.
 *
 * Rules, numbered for tests:
 *   HK1  nothing is made, parsed or told before the signature was found right; a byte of the body is read only where the
 *        headers are plausible;
 *   HK2  one delivery, one workflow: its key is recorded with the creation, and what it made is answered again, whatever
 *        is under the key now; also after a restart, and when the workflow is gone;
 *   HK3  no template, one without a webhook, one with a fault, and a secret that is missing are one answer, word for word.
 */
import type { CoordinatorPort } from '../contract/coordinator.ts';
import { type Template, type TemplateProblem, templateIdSchema } from '../contract/definition.ts';
import { Refusal } from '../contract/failures.ts';
import type { SecretStore } from '../contract/secret-store.ts';
import {
  type Delivery,
  type DeliveryData,
  type HookAnswer,
  type TemplateWebhook,
  toHookKey,
} from '../contract/webhook.ts';
import { bindDelivery, isWanted } from '../core/webhook.ts';
import { findSecretFault, readSignature } from './webhook-signature.ts';

/** Headers that carry tokens, signatures or what a client is logged in with: no workflow sees them (H8). */
const hiddenHeaders = /^(?:proxy-)?authorization$|^cookie$|api-?key|signature|token|secret/;

export interface WebhooksParts {
  coordinator: Pick<CoordinatorPort, 'call'>;
  templates: {
    list(): Promise<Template[]>;
    find(id: string): Promise<Template | undefined>;
    problems(): Promise<Pick<TemplateProblem, 'ids'>[]>;
  };
  secretStore: SecretStore;
  /** Runs a template under a key that no client can have; null: under none. */
  submit(
    template: string,
    params: Record<string, unknown>,
    options: { key: string | null; told: readonly string[] },
  ): Promise<HookRun>;
  /** Milliseconds since 1970. */
  now(): number;
}

interface HookRun {
  readonly id: string;
  readonly replayed: boolean;
}

export class Webhooks {
  readonly #parts: WebhooksParts;

  constructor(parts: WebhooksParts) {
    this.#parts = parts;
  }

  /** Rejects with NOT_FOUND (HK3), UNAUTHORIZED, INVALID where the delivery does not fit what the template says. */
  async receive(template: string, delivery: Delivery): Promise<HookAnswer> {
    const { webhook, secret } = await this.#find(template, delivery);
    const { rawHeaders, query } = delivery;
    const plausible = readSignature(webhook.verify, secret, { rawHeaders, now: this.#parts.now() });
    if ('why' in plausible) throw toUnauthorized(delivery, plausible.why);
    const bytes = await delivery.read();
    const verified = plausible.verify(bytes);
    if ('why' in verified) throw toUnauthorized(delivery, verified.why);
    const { value: body, told } = await delivery.parse(bytes);
    const id = verified.idOf(body);
    const key = id === null ? null : toHookKey(template, id);
    const known = key === null ? null : (await this.#parts.coordinator.call('delivered', { key })).id;
    if (known !== null) return { workflow_id: known, replayed: true };
    const data: DeliveryData = { body, headers: toVisibleHeaders(rawHeaders), query };
    if (!isWanted(webhook, data)) return null;
    const run = await this.#parts.submit(template, bindDelivery(webhook, data), { key, told });
    return { workflow_id: run.id, replayed: run.replayed };
  }

  /** For health: webhooks that take no delivery, though their templates are in order. */
  async notices(): Promise<string[]> {
    return (await this.#parts.templates.list()).flatMap(({ id, webhook }) => {
      const fault = webhook === undefined ? null : this.#readSecret(webhook).fault;
      if (webhook === undefined || fault === null) return [];
      return [`The webhook of template "${id}" takes no deliveries: the secret ${webhook.secret} ${fault}`];
    });
  }

  #readSecret({ verify, secret: name }: TemplateWebhook): { secret: string; fault: string | null } {
    const { secretStore } = this.#parts;
    const secret = Object.hasOwn(secretStore, name) ? secretStore[name]?.value : undefined;
    if (secret === undefined) return { secret: '', fault: 'is not set' };
    return { secret, fault: findSecretFault(verify, secret) };
  }

  async #find(id: string, delivery: Delivery): Promise<{ webhook: TemplateWebhook; secret: string }> {
    const { templates } = this.#parts;
    // A long name, or one with other characters, is looked for nowhere.
    const isId = templateIdSchema.safeParse(id).success;
    const webhook = isId ? (await templates.find(id))?.webhook : undefined;
    if (webhook === undefined) {
      const isFaulty = isId && (await templates.problems()).some(({ ids }) => ids.includes(id));
      // Names that somebody tries are not told: a stranger would fill the log.
      if (isFaulty) delivery.onRefused('the file of the template has a fault');
      throw toNotFound();
    }
    const { secret, fault } = this.#readSecret(webhook);
    if (fault === null) return { webhook, secret };
    delivery.onRefused(`the secret ${webhook.secret} of its webhook ${fault}`);
    throw toNotFound();
  }
}

function toUnauthorized(delivery: Delivery, why: string): Refusal {
  delivery.onRefused(why);
  return new Refusal({
    code: 'UNAUTHORIZED',
    detail: 'The delivery is not signed as this webhook demands, or too late',
  });
}

/** HK3. */
function toNotFound(): Refusal {
  const detail =
    'No webhook takes deliveries here. The log of the engine says whether a fault or a secret is the reason';
  return new Refusal({ code: 'NOT_FOUND', detail });
}

function toVisibleHeaders(raw: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = String(raw[at]).toLowerCase();
    if (!hiddenHeaders.test(name) && !headers.has(name)) headers.set(name, String(raw[at + 1]));
  }
  return Object.fromEntries(headers);
}
