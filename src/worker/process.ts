/**
 * The module that every process of the pool loads.
 *
 * A terminal sends Ctrl-C to the whole group of processes, and a service manager signals every process of the
 * service. But the engine decides how long a running job may go on: it sends SIGKILL, or it ends itself. So the
 * process ignores these signals. It does so first, because they would end it while it loads the rest.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const [{ isolatedTasks }, { serveIsolatedJobs }] = await Promise.all([
  import('../tasks/isolated.ts'),
  import('./process-runner.ts'),
]);
serveIsolatedJobs(new Map(isolatedTasks.map((task) => [task.action, task])));
