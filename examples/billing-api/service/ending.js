// Ends an HTTP server without losing a request: nothing new is accepted, what was begun is answered, exit 0.

// Below the pod's grace period (45 s) less its preStop sleep (5 s), so that a stuck request is reported from here.
const LIMIT_MS = Number(process.env.SHUTDOWN_LIMIT_MS ?? 35_000);

export function endOnSignal(server) {
  let ending = false;

  server.prependListener('request', (request, response) => {
    // The caller (its sidecar, as a rule) keeps connections for later: while ending, each answer closes its own.
    if (ending) response.setHeader('Connection', 'close');
    response.once('close', () => {
      if (ending) setImmediate(() => server.closeIdleConnections());
    });
  });

  const end = (signal) => {
    if (ending) return;
    ending = true;
    server.close(() => {
      console.log('every request is answered: exit 0');
      process.exit(0);
    });
    server.closeIdleConnections();
    console.log(`${signal}: no new connections; what was begun is answered`);
    setTimeout(() => {
      console.error(`requests are still open after ${LIMIT_MS} ms: exit 1`);
      process.exit(1);
    }, LIMIT_MS).unref();
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
}
