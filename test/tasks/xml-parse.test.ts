/** Goal: XP1 to XP5, XML as JSON, with nothing changed or lost without a word. */
import { describe, expect, it } from 'vitest';
import { toJsonText } from '../../src/worker/outputs.ts';
import { failureOf, runTask } from './run-task.ts';

async function parse(xml: string, lists: string[] = []): Promise<{ value: unknown; logs: string[] }> {
  const logs: string[] = [];
  const { value } = await runTask('xml_parse', { xml, lists }, { log: (line) => void logs.push(line) });
  return { value, logs };
}

describe('xml_parse', () => {
  it.each([
    ['an element of text alone', '<a>x</a>', { a: 'x' }],
    ['an empty element', '<a><b/><c></c></a>', { a: { b: '', c: '' } }],
    ['attributes beside text', '<a b="1" c="">x</a>', { a: { '@b': '1', '@c': '', '#text': 'x' } }],
    ['attributes alone', '<a b="1"/>', { a: { '@b': '1' } }],
    ['repeated elements, in order', '<a><b>1</b><c/><b>2</b></a>', { a: { b: ['1', '2'], c: '' } }],
    [
      'text that looks like numbers',
      '<a n="1e5"><b>007</b><c>true</c></a>',
      { a: { '@n': '1e5', b: '007', c: 'true' } },
    ],
    ['white space of text', '<a> x\n </a>', { a: ' x\n ' }],
    ['white space beside elements', '<a>\n  <b> </b>\n</a>', { a: { b: ' ' } }],
    ['CDATA and entities', '<a>1 &lt; 2 &amp;&#65;<![CDATA[<b>&amp;]]></a>', { a: '1 < 2 &A<b>&amp;' }],
    [
      'prefixes as they are written',
      '<x:a xmlns:x="urn:x"><x:b/></x:a>',
      { 'x:a': { '@xmlns:x': 'urn:x', 'x:b': '' } },
    ],
    ['nothing of comments and instructions', '<?xml version="1.0"?><!-- c --><a><?p i?>x<!-- c -->y</a>', { a: 'xy' }],
    ['a byte order mark', '\uFEFF<a/>', { a: '' }],
    [
      'names of every object',
      '<a><constructor>1</constructor><toString/></a>',
      { a: { constructor: '1', toString: '' } },
    ],
  ])('reads %s', async (_, xml, value) => {
    expect(await parse(xml)).toEqual({ value, logs: [] });
  });

  it('makes a list of elements that the step names, also where there is one', async () => {
    const { value } = await parse('<a><b>1</b><c>2</c></a>', ['b', 'none']);
    expect(value).toEqual({ a: { b: ['1'], c: '2' } });
  });

  it('says where the order of text and elements is lost', async () => {
    expect(await parse('<a>\n<p>one <b>two</b> three</p><p>x<i/></p></a>')).toEqual({
      value: {
        a: {
          p: [
            { b: 'two', '#text': 'one  three' },
            { i: '', '#text': 'x' },
          ],
        },
      },
      logs: [
        'Warning: 2 elements mix text with elements, whose order is lost in "#text"; the first is <p> at line 2, column 3',
      ],
    });
  });

  it.each([
    ['a tag that closes another', '<a>\n  <b>x</c></a>', 'line 2, column 10: unexpected close tag'],
    ['an end that is missing', '<a>', 'line 1, column 3: unclosed tag: a'],
    ['nothing', '', 'line 1, column 1: document must contain a root element'],
    ['two roots', '<a/><b/>', 'line 1, column 7: documents may contain only one root'],
    ['an attribute without quotes', '<a b=c/>', 'line 1, column 6: unquoted attribute value'],
    ['an attribute twice', '<a b="" b=""/>', 'line 1, column 14: duplicate attribute: b'],
    [
      'an entity of HTML',
      '<a>&nbsp;</a>',
      'line 1, column 9: an entity that XML does not define; those of a DOCTYPE are not read',
    ],
  ])('fails with the place of %s', async (_, xml, place) => {
    expect(await failureOf(parse(xml))).toMatchObject({
      code: 'TASK_ERROR',
      message: `the XML is broken at ${place}`,
    });
  });

  it('expands no entity of a DOCTYPE, and reads no file that it names', async () => {
    const laughs = `<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "${'&x;'.repeat(1_000)}">]>`;
    expect(await failureOf(parse(`${laughs}<a>&y;</a>`))).toMatchObject({
      message: expect.stringMatching(/^the XML is broken at line 1, column \d+: an entity that XML does not define/),
    });
    expect(await parse(`${laughs}<a>x</a>`)).toMatchObject({ value: { a: 'x' } });
    const file = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>';
    expect(await failureOf(parse(file))).toMatchObject({ message: expect.stringContaining('an entity') });
  });

  it('takes as many levels as outputs can hold, and names the place of one that is deeper', async () => {
    const nest = (levels: number, inner = 'x') => `${'<a>'.repeat(levels)}${inner}${'</a>'.repeat(levels)}`;
    // The outputs and `value` are two levels, and the innermost element is a text.
    const { value } = await parse(nest(63));
    expect(toJsonText('outputs', { value }, 1e6)).toContain('"x"');
    expect(await failureOf(parse(nest(64)))).toMatchObject({
      code: 'OUTPUT_INVALID',
      message: expect.stringMatching(/^the XML is nested deeper than outputs can be: 62 levels .* line 1, column 192$/),
    });
    // A list is a level too.
    const { value: listed } = await parse(nest(61, '<b/><b/>'));
    expect(toJsonText('outputs', { value: listed }, 1e6)).toContain('["",""]');
    expect(await failureOf(parse(nest(62, '<b/><b/>')))).toMatchObject({ code: 'OUTPUT_INVALID' });
    expect(await failureOf(parse(nest(100_000)))).toMatchObject({ code: 'OUTPUT_INVALID' });
  });
});
