/** Deliveries of webhooks: the one call that needs no token, because each carries a signature of its own. */
import type { Context } from 'koa';
import { z } from 'zod';
import { toLostNumberLines } from '../../contract/lost-numbers.ts';
import { type Delivery, hookReplySchema } from '../../contract/webhook.ts';
import { lostNumbersOf, parseRaw, readRaw, requireJsonType } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import { changeRefusals, jsonAnswer, refusals, replayedHeader } from '../operation.ts';
import { idempotencyHeaderSchema } from '../query.ts';
import { pathParameter, type Route, type RouteParts } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

export function hookRoutes({ engine, bounds, log }: RouteParts): Route[] {
  const tell = createTeller((template, why) => log.warn({ template, why }, 'a delivery of a webhook was refused'));
  return [
    {
      method: 'post',
      path: '/hooks/{template}',
      takesAnyQuery: true,
      operation: {
        operationId: 'receiveHook',
        summary: 'Start a template that has a `webhook`',
        description:
          'Needs no API_TOKEN: the delivery is signed as the template says (`verify`), or carries its secret as a bearer token. The bytes of the body are verified as they came. A delivery that was taken before, also before a restart, is answered with the workflow that it has made. 404 where no webhook is ready under this name, whatever the reason. `Idempotency-Key` counts where the template says `verify: token`; the others sign what identifies a delivery.',
        tags: ['webhooks'],
        security: [],
        requestParams: {
          path: z.object({ template: z.string().meta({ description: 'the id of a template' }) }),
          header: idempotencyHeaderSchema,
        },
        requestBody: {
          required: true,
          content: { 'application/json': { schema: z.unknown(), example: { action: 'opened', issue: { number: 7 } } } },
        },
        responses: {
          202: jsonAnswer('the workflow', hookReplySchema, replayedHeader),
          204: { description: 'the `when` of the webhook leaves this delivery out' },
          ...refusals('NOT_FOUND', ...changeRefusals),
        },
      },
      async handle(ctx) {
        const template = pathParameter(ctx, 'template');
        requireJsonType(ctx);
        const answer = await engine.receive(
          template,
          toDelivery(ctx, bounds, (why) => tell(template, why)),
        );
        if (answer === null) {
          ctx.status = 204;
          return;
        }
        if (answer.replayed) ctx.set('Idempotency-Replayed', 'true');
        sendJson(ctx, 202, JSON.stringify({ workflow_id: answer.workflow_id }));
      },
    },
  ];
}

function toDelivery(ctx: Context, bounds: RouteParts['bounds'], onRefused: Delivery['onRefused']): Delivery {
  const ofBody = toBodyBounds(bounds, 'other');
  const firstOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value) ?? '';
  const query = Object.entries(ctx.query).map(([name, value]) => [name, firstOf(value)] as const);
  return {
    rawHeaders: ctx.req.rawHeaders,
    query: Object.fromEntries(query),
    read: () => readRaw(ctx, ofBody),
    async parse(bytes) {
      const value = await parseRaw(ctx, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), ofBody, 'body');
      return { value, told: toLostNumberLines(lostNumbersOf(ctx)) };
    },
    onRefused,
  };
}

const tellMs = 60_000;
const toldMax = 1_000;

/** Of one template and one reason a line a minute: who sends without a right does not fill the log. */
function createTeller(tell: (template: string, why: string) => void): (template: string, why: string) => void {
  const told = new Map<string, number>();
  return (template, why) => {
    const now = performance.now();
    const last = told.get(`${template} ${why}`);
    if (last !== undefined && now - last < tellMs) return;
    if (told.size >= toldMax) told.clear();
    told.set(`${template} ${why}`, now);
    tell(template, why);
  };
}
