/**
 * `xml_parse`: XML as a JSON value, by rules that change nothing in silence. saxes reads the XML: it is strict, names the
 * place of each fault, and expands no entity that the document itself declares.
 *
 *   XP1  an element is its text where it has no attributes and no elements in it; else an object with `@name` for each
 *        attribute, `name` for each element, and `#text` for its text;
 *   XP2  elements of one name in one element are a list; so are those that `lists` names, also where there is one;
 *   XP3  every value is a text, as it is written. Only white space beside elements is left out;
 *   XP4  where text and elements are mixed, their order is lost, and the log says so;
 *   XP5  the work is linear in the XML, however deep it is; a value that outputs cannot hold fails with its place.
 */
import type { SaxesParser } from 'saxes';
import { z } from 'zod';
import { limits } from '../contract/limits.ts';
import { type IsolatedTask, TaskFailure } from '../contract/task.ts';

const xmlLengthMax = 8 * 1024 * 1024;

/** Levels of JSON that are left for the root element: the outputs and `value` are around it. */
const levelsMax = limits.jsonDepthMax - 2;

const params = z.strictObject({
  xml: z.string().max(xmlLengthMax).meta({ description: 'The XML, at most 8 Mi characters.' }),
  lists: z.array(z.string().max(1_000)).max(1_000).default([]).meta({
    description:
      'Names of elements that are a list also where there is only one, such as ["item"]; none when not given.',
  }),
});

export const xmlParse: IsolatedTask<z.infer<typeof params>> = {
  action: 'xml_parse',
  lane: 'cpu',
  isolated: true,
  description:
    'Reads XML as a JSON value: elements by name, attributes under "@name", text beside them under "#text", repeated elements as lists. All values stay text. Expands no entities of a DOCTYPE and loads nothing.',
  params,
  timeoutMs: 60_000,
  async run({ xml, lists }, { log }) {
    const { SaxesParser } = await import('saxes');
    const reader = new Reader(new SaxesParser(), new Set(lists));
    const value = reader.read(xml);
    if (reader.mixed.count > 0) {
      const { count, name, place } = reader.mixed;
      log(
        `Warning: ${count} elements mix text with elements, whose order is lost in "#text"; the first is <${name}> at ${place}`,
      );
    }
    return { outputs: { value } };
  },
};

/** The value of an element. */
type Value = string | { [name: string]: Value | Value[] };

interface Open {
  readonly name: string;
  readonly place: string;
  readonly attributes: [string, string][];
  /** Values of the elements in it, by name. */
  readonly children: Map<string, Value[]>;
  readonly text: string[];
  /** Levels of JSON of the deepest of its elements, by name, and where that one is. */
  readonly levels: Map<string, Depth>;
}

interface Depth {
  readonly levels: number;
  readonly place: string;
}

class Reader {
  readonly mixed = { count: 0, name: '', place: '' };
  readonly #parser: SaxesParser;
  readonly #lists: ReadonlySet<string>;
  readonly #open: Open[] = [];
  readonly #document: Open = createOpen('', '', []);

  constructor(parser: SaxesParser, lists: ReadonlySet<string>) {
    this.#parser = parser;
    this.#lists = lists;
  }

  read(xml: string): Value {
    const parser = this.#parser;
    parser.on('error', (error) => {
      throw new TaskFailure('TASK_ERROR', `the XML is broken at ${this.#place()}: ${toReason(error)}`, {
        cause: error,
      });
    });
    parser.on('opentag', ({ name, attributes }) => {
      const written = Object.entries(attributes as Record<string, string>);
      this.#open.push(createOpen(name, this.#place(), written));
    });
    const add = (text: string) => void this.#open.at(-1)?.text.push(text);
    parser.on('text', add);
    parser.on('cdata', add);
    parser.on('closetag', () => this.#close(this.#open.pop() as Open));
    parser.write(xml).close();
    const { levels, place } = this.#toDepth(this.#document);
    if (levels - 1 > levelsMax) {
      throw new TaskFailure(
        'OUTPUT_INVALID',
        `the XML is nested deeper than outputs can be: ${levelsMax} levels of objects and lists; the deepest element is at ${place}`,
      );
    }
    return this.#toValue(this.#document);
  }

  #close(element: Open): void {
    const parent = this.#open.at(-1) ?? this.#document;
    const values = parent.children.get(element.name);
    const value = this.#toValue(element);
    if (values === undefined) parent.children.set(element.name, [value]);
    else values.push(value);
    const depth = this.#toDepth(element);
    if (depth.levels > (parent.levels.get(element.name)?.levels ?? -1)) parent.levels.set(element.name, depth);
  }

  #toValue(element: Open): Value {
    const { name, place, attributes, children, text } = element;
    const whole = text.join('');
    if (attributes.length === 0 && children.size === 0 && element !== this.#document) return whole;
    const hasText = children.size === 0 ? whole !== '' : /\S/.test(whole);
    if (hasText && children.size > 0) {
      if (this.mixed.count === 0) Object.assign(this.mixed, { name, place });
      this.mixed.count += 1;
    }
    return Object.fromEntries<Value | Value[]>([
      ...attributes.map(([key, value]): [string, Value] => [`@${key}`, value]),
      ...[...children].map(([key, values]): [string, Value | Value[]] => [
        key,
        this.#isList(key, values) ? values : (values[0] as Value),
      ]),
      ...(hasText ? [['#text', whole] as [string, Value]] : []),
    ]);
  }

  #toDepth({ place, attributes, children, levels }: Open): Depth {
    if (attributes.length === 0 && children.size === 0) return { levels: 0, place };
    let deepest: Depth | undefined;
    for (const [name, values] of children) {
      const inner = levels.get(name) as Depth;
      const own = inner.levels + (this.#isList(name, values) ? 1 : 0);
      if (own > (deepest?.levels ?? -1)) deepest = { levels: own, place: inner.place };
    }
    return { levels: (deepest?.levels ?? 0) + 1, place: deepest?.place ?? place };
  }

  #isList(name: string, values: readonly Value[]): boolean {
    return values.length > 1 || this.#lists.has(name);
  }

  /** Of the character that was read last, counted from 1 as editors do. Of a tag, it is its `>`. */
  #place(): string {
    return `line ${this.#parser.line}, column ${Math.max(this.#parser.column, 1)}`;
  }
}

function createOpen(name: string, place: string, attributes: [string, string][]): Open {
  return { name, place, attributes, children: new Map(), text: [], levels: new Map() };
}

/** Without the place, which stands before it in figures of its own. */
function toReason({ message }: Error): string {
  const reason = message.replace(/^\d+:\d+: /, '').replace(/\.$/, '');
  return reason === 'undefined entity' ? 'an entity that XML does not define; those of a DOCTYPE are not read' : reason;
}
