declare module '@joplin/turndown-plugin-gfm' {
  import type TurndownService from 'turndown';

  /** Parts of GitHub's Markdown. */
  export const strikethrough: TurndownService.Plugin;
  export const taskListItems: TurndownService.Plugin;
}
