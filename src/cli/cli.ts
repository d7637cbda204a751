/**
 * The command line: what each command is called and takes. What it does is in the file of its name, which is loaded when
 * it is called, so that no command waits for the libraries of the others.
 */
import { Command, Option } from 'commander';
import { costsByOptions } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import { jobStatusSchema } from '../contract/workflow.ts';
import { isOutOfHandles } from '../out-of-handles.ts';
import { version } from '../version.ts';
import type { CliContext } from './context.ts';
import { toExit, usageError } from './exit.ts';
import { toCount, toMilliseconds } from './option-values.ts';

const { env, stdout, stderr } = process;
const context: CliContext = { env, cwd: process.cwd(), stdout, stderr };

const serverOption = () =>
  new Option('--server <url>', 'the engine to talk to; API_TOKEN is sent along where it is set');
const dataOption = () => new Option('--data <dir>', 'data directory: holds workflows/ and queue-state.json');
const offlineOption = () =>
  new Option('--offline', 'nothing goes out: model and HTTP steps are answered from the cache, or fail (OFFLINE)');
const jsonOption = () => new Option('--json', 'print JSON');

const program = new Command('hybrid-engine')
  .description('Local-first engine for AI workflows: a DAG of steps in, durable results out.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(--help shows how it is used)')
  .addHelpText(
    'after',
    `
Examples:
  hybrid-engine serve
  hybrid-engine run page-digest --param html=@page.html > digest.md
  hybrid-engine run my-workflow.yaml --param topic=tea --json
  hybrid-engine validate workflows/templates/*.yaml
  hybrid-engine list --status FAILED
  hybrid-engine doctor --data .

Settings come from the environment and from .env; .env.example lists them.
Exit status: 0 done, 1 failed or stopped, 2 called wrongly, 3 the workflow waits for the outside,
4 it is done, and a step was simulated because nobody knows its action.`,
  );

program
  .command('serve')
  .description('start the engine and its server; Ctrl-C ends both in good order')
  .option('--host <host>', 'address to listen on (HOST)')
  .option('--port <port>', 'port to listen on (PORT)')
  .addOption(dataOption())
  .addOption(offlineOption())
  .action(async (options) => {
    const { serveEngine } = await import('./serve.ts');
    await serveEngine(options, context);
  });

program
  .command('run <template-or-file>')
  .description('run one workflow and print its result: the content of its last steps')
  .option('--param <key=value>', 'a param of the run; key=@file takes the text of a file; repeatable', collect, [])
  .addOption(new Option('--json', 'print the whole workflow as JSON'))
  .addOption(serverOption())
  .addOption(dataOption())
  .addOption(offlineOption())
  .option('--timeout <seconds>', 'stop the workflow when it has not ended by then', toMilliseconds)
  .option('--dry-run', 'call nobody: show the order of the steps, the calls they would make, and what is wrong')
  .option('--items <count>', 'of a dry run: how many items a list has that nobody can know yet', toCount)
  .addHelpText(
    'after',
    `
Without --server the workflow runs on an engine of its own, in a temporary directory unless --data names one.
Values stay text unless the template's schema wants a number, a boolean, an object or an array.

Examples:
  hybrid-engine run page-digest --param html=@page.html
  hybrid-engine run definition.json --timeout 60 --json
  hybrid-engine run research-brief --param topic=tea --dry-run
  hybrid-engine run page-digest --param html=@page.html --server http://127.0.0.1:8000`,
  )
  .action(async (target, options) => {
    if (options.dryRun) {
      const { dryRun } = await import('./dry-run.ts');
      process.exitCode = await dryRun(target, options, context);
      return;
    }
    if (options.items !== undefined) throw usageError('--items is for --dry-run');
    const { run } = await import('./run.ts');
    process.exitCode = await run(target, options, context);
  });

program
  .command('validate <file...>')
  .description('check templates and definitions and name every fault with its place; nothing runs')
  .option('--allow-unknown', 'an action or a secret that nobody knows is a note and no fault')
  .action(async (files, options) => {
    const { validate } = await import('./validate.ts');
    process.exitCode = await validate(files, options, context);
  });

program
  .command('list')
  .description('list the workflows of a server, newest change first')
  .addOption(new Option('--status <status>', 'only those').choices(jobStatusSchema.options))
  .option('--tag <tag>', 'only those with this tag')
  .option('--q <text>', 'only those whose id, name or description holds this text')
  .option('--limit <count>', `at most this many, up to ${limits.listLimitMax}`, toCount)
  .option('--offset <count>', 'leave out the first', toCount)
  .addOption(jsonOption())
  .addOption(serverOption())
  .action(async (options) => {
    const { list } = await import('./list.ts');
    await list(options, context);
  });

program
  .command('show <workflow-id>')
  .description('show one workflow of a server with its steps')
  .addOption(jsonOption())
  .addOption(serverOption())
  .action(async (id, options) => {
    const { show } = await import('./show.ts');
    await show(id, options, context);
  });

program
  .command('decide <workflow-id> <step-id>')
  .description('approve or reject a step that waits for a decision, on a server; show and run say which do')
  .option('--approve', 'the step is approved')
  .option('--reject', 'the step is rejected')
  .option('--by <name>', 'who decides')
  .option('--comment <text>', 'why')
  .option('--data <json>', 'data that the step asks for; @file takes that of a file')
  .addOption(jsonOption())
  .addOption(serverOption())
  .action(async (workflowId, stepId, options) => {
    const { decide } = await import('./decide.ts');
    await decide(workflowId, stepId, options, context);
  });

program
  .command('schedules [what] [template]')
  .description('list the schedules of a server, or pause, resume or trigger that of one template')
  .addHelpText(
    'after',
    `
What: list (default), pause, resume, or trigger, which runs it now.

Examples:
  hybrid-engine schedules
  hybrid-engine schedules pause morning-digest`,
  )
  .addOption(jsonOption())
  .addOption(serverOption())
  .action(async (what, template, options) => {
    const { schedules } = await import('./schedules.ts');
    await schedules(what, template, options, context);
  });

program
  .command('pair')
  .description('show a code that pairs one browser extension with a server')
  .addOption(
    new Option('--scope <scope>', 'no code: make and print a token of this scope for a program').choices([
      'read',
      'capture',
    ]),
  )
  .option('--name <name>', 'with --scope: what the program is called in lists')
  .addOption(jsonOption())
  .addOption(serverOption())
  .action(async (options) => {
    const { pair } = await import('./pair.ts');
    await pair(options, context);
  });

program
  .command('clients [what] [id]')
  .description('list the paired extensions of a server and its programs with a token of their own, or revoke one')
  .addHelpText(
    'after',
    `
What: list (default) or revoke, which refuses its token and its origin from now on.

Examples:
  hybrid-engine clients
  hybrid-engine clients revoke client_5f0c2d9a1b3e`,
  )
  .addOption(jsonOption())
  .addOption(serverOption())
  .action(async (what, id, options) => {
    const { clients } = await import('./clients.ts');
    await clients(what, id, options, context);
  });

program
  .command('costs')
  .description('show what calls of models have used and cost, on a server')
  .option('--from <day>', 'first day, UTC, such as 2026-01-31')
  .option('--to <day>', 'last day, included')
  .addOption(new Option('--by <what>', 'what a row stands for').choices(costsByOptions).default('day'))
  .addOption(jsonOption())
  .addOption(serverOption())
  .action(async (options) => {
    const { costs } = await import('./costs.ts');
    await costs(options, context);
  });

program
  .command('prices [model]')
  .description('show what calls of models are priced with, from which list, and how old it is')
  .addOption(jsonOption())
  .action(async (model, options) => {
    const { prices } = await import('./prices.ts');
    await prices(model, options, context);
  });

program
  .command('prune')
  .description('remove finished workflows from a server; what they have cost stays')
  .requiredOption('--keep <age-or-count>', 'what stays: those that finished within 14d, 36h or 90m, or the latest 1000')
  .option('--dry-run', 'only print the ids of those that would go')
  .addOption(serverOption())
  .action(async (options) => {
    const { prune } = await import('./prune.ts');
    process.exitCode = await prune(options, context);
  });

program
  .command('doctor')
  .description('check a data directory without changing it, and say what is found')
  .addOption(dataOption())
  .option('--repair', 'recover it as a start would, then close it')
  .addOption(jsonOption())
  .action(async (options) => {
    const { doctor } = await import('./doctor.ts');
    process.exitCode = await doctor(options, context);
  });

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

// A reader that has seen enough (`| head`) is no fault.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  const { text, status } = toExit(error);
  stderr.write(text);
  // What else is loading would end the process a second time, with a stack.
  if (isOutOfHandles(error)) process.exit(status);
  process.exitCode = status;
}
