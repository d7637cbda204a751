/** `costs`: what calls of models have used and cost, on a server. */

import type { CostsQuery, CostsReply } from '../contract/ledger.ts';
import { counted } from '../core/duration.ts';
import type { CliContext } from './context.ts';
import { openServer } from './engine-access.ts';
import { toTable } from './table.ts';

export interface CostsOptions extends CostsQuery {
  json?: boolean;
  server?: string;
}

export async function costs({ json, server, ...query }: CostsOptions, context: CliContext): Promise<void> {
  const access = openServer(context, server);
  try {
    const reply = await access.engine.costs(query);
    const { stdout } = context;
    if (json) {
      stdout.write(`${JSON.stringify(reply, null, 2)}\n`);
      return;
    }
    const head = [reply.by.toUpperCase(), 'CALLS', 'INPUT', 'CACHED', 'OUTPUT', 'US DOLLARS'];
    const rows = reply.rows.map(({ key, ...sum }) => toRow(key, sum));
    stdout.write(toTable(head, [...rows, toRow('total', reply.total)]));
    if (reply.total.cost_is_floor)
      stdout.write(`at least: the price of ${counted(reply.total.unpriced_calls, 'call')} is not known\n`);
  } finally {
    await access.close();
  }
}

function toRow(key: string, sum: CostsReply['total']): string[] {
  const { calls, input_tokens, cached_input_tokens, output_tokens, cost, cost_is_floor } = sum;
  const dollars = `${cost_is_floor ? '>= ' : ''}${toDecimals(cost)}`;
  return [key, String(calls), String(input_tokens), String(cached_input_tokens), String(output_tokens), dollars];
}

/** Down to the picodollar, without the exponent that small numbers have in JSON. */
function toDecimals(dollars: number): string {
  return dollars.toFixed(12).replace(/0{1,10}$/, '');
}
