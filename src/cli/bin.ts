#!/usr/bin/env node
/**
 * What the command `hybrid-engine` begins with. Nothing else is loaded before it is known that this Node can: an older
 * one would end with the stack of whatever it misses first.
 */
import { isOutOfHandles, outOfHandlesLine } from '../out-of-handles.ts';
import { isSupportedNode, supportedNodes } from './node-version.ts';

if (isSupportedNode(process.versions.node)) {
  // Each thread loads some hundred modules, many at once.
  await import('./cli.ts').catch((error: unknown) => {
    if (!isOutOfHandles(error)) throw error;
    process.stderr.write(`${outOfHandlesLine}\n`);
    process.exit(1);
  });
} else {
  process.stderr.write(
    `Hybrid Engine needs Node ${supportedNodes}; this is ${process.version}: install one from https://nodejs.org\n`,
  );
  process.exitCode = 1;
}
