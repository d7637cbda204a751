/** Whether the network rules would refuse an address, as far as that can be told without asking for the name. */
import type { NetworkRules } from '../../contract/task.ts';
import { checkUrl, type Lookup, portOf, resolveTarget } from './target.ts';

/** Only this machine's own name is known beforehand. */
const lookup: Lookup = async (hostname) =>
  /^(?:.+\.)?localhost$/.test(hostname) ? [{ address: '127.0.0.1', family: 4 }] : [];

export async function rehearseTarget(url: URL, rules: NetworkRules): Promise<void> {
  checkUrl(url);
  await resolveTarget(url.hostname, portOf(url), rules, lookup);
}
