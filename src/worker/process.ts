/**
 * The module that every process of the pool loads.
 *
 * A terminal sends Ctrl-C to the whole group of processes, and a service manager its signal to all that belong to the
 * service; how long a running job may go on is the engine's to say, and it says so with SIGKILL or by its own end. So these
 * signals are kept off before anything large is loaded, in which time they would end the process.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const [{ isolatedTasks }, { serveIsolatedJobs }] = await Promise.all([
  import('../tasks/isolated.ts'),
  import('./process-runner.ts'),
]);
serveIsolatedJobs(new Map(isolatedTasks.map((task) => [task.action, task])));
