/**
 * Exits 0 if the process in this container answers its liveness probe, on the port given or on PORT. The probe asks
 * no dependency: a restart would not mend one.
 */
const port = process.argv[2] ?? process.env.PORT ?? '7400';

try {
  const response = await fetch(`http://127.0.0.1:${port}/health/live`, {
    signal: AbortSignal.timeout(2_000),
  });
  process.exitCode = response.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
