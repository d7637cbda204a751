/** Goal: whatever part of a page is read, and however often, it is read by the rules of HTML5. */
import { expect, it } from 'vitest';
import { parsePage } from '../../src/tasks/page/tree.ts';

it('reads what is assigned to innerHTML as it reads a page', async () => {
  const page = await parsePage('<title>t</title><p>x');
  page.body.innerHTML = '<table><tr><td>a<td>b</table>';
  expect(page.body.innerHTML).toBe('<table><tbody><tr><td>a</td><td>b</td></tr></tbody></table>');
});
