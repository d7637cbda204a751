/**
 * `feed_parse`: RSS 0.9x, 1.0 and 2.0, Atom and JSON Feed in one form. feedsmith reads the feed: it is as lenient as feeds
 * ask for, and expands no entity that the feed declares itself. Here its findings become one kind of item.
 *
 *   FP1  a field that an item does not have is null;
 *   FP2  `published` is ISO 8601 in UTC, of the item's publication, or else of its last change;
 *   FP3  `content` is the whole text where the feed has it, else the summary; HTML stays HTML;
 *   FP4  a relative link is resolved against `xml:base` and `url`; where there is neither it stays as it is written;
 *   FP5  a text that is no feed fails with what it looks like;
 *   FP6  the work is linear in the text.
 */
import type { parseFeed } from 'feedsmith';
import { z } from 'zod';
import { type IsolatedTask, TaskFailure } from '../contract/task.ts';
import { type ParsedFeed, toItems } from './feed/items.ts';
import { describeNoFeed } from './feed/no-feed.ts';
import { dropLongPersons } from './feed/persons.ts';

const textLengthMax = 8 * 1024 * 1024;

/** Every relative link takes over what its base has: with longer ones the output would grow with the square. */
const addressLengthMax = 8_192;

const params = z.strictObject({
  text: z.string().max(textLengthMax).meta({ description: 'The feed, at most 8 Mi characters.' }),
  url: z
    .url({ protocol: /^https?$/ })
    .max(addressLengthMax)
    .optional()
    .meta({ description: 'Where the feed is from; makes its relative links whole.' }),
});

export const feedParse: IsolatedTask<z.infer<typeof params>> = {
  action: 'feed_parse',
  lane: 'cpu',
  isolated: true,
  description:
    'Reads a feed (RSS, Atom or JSON Feed): its title, and of each item title, url, time of publication (ISO 8601, UTC) and content; null where the feed does not say. Loads nothing from the network.',
  params,
  timeoutMs: 60_000,
  async run({ text, url }, { log }) {
    const { parseFeed } = await import('feedsmith');
    const badDates: string[] = [];
    const outputs = toItems(read(parseFeed, text), url, (date) => void badDates.push(date));
    const [first] = badDates;
    if (first !== undefined) {
      const shown = JSON.stringify(first.slice(0, 100));
      log(`Warning: ${badDates.length} dates cannot be read, and are null; the first is ${shown}`);
    }
    return { outputs };
  },
};

function read(parse: typeof parseFeed, text: string): ParsedFeed {
  try {
    const parsed = parse(dropLongPersons(text));
    if (parsed.format !== 'json' || hasVersion(text)) return parsed;
  } catch (error) {
    throw new TaskFailure('TASK_ERROR', describeNoFeed(text, error), { cause: error });
  }
  throw new TaskFailure('TASK_ERROR', describeNoFeed(text));
}

/** The library takes any JSON with a title and items for a feed. */
function hasVersion(json: string): boolean {
  const { version }: { version?: unknown } = JSON.parse(json);
  return typeof version === 'string' && version.includes('jsonfeed.org/version/');
}
