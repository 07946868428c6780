// What frontend-ui and ledger share: routes on Node's own http module, and the way billing-api ends.
import http from 'node:http';

import { endOnSignal } from '../service/ending.js';

export function answer(response, status, body, type = 'application/json') {
  response.writeHead(status, { 'content-type': type });
  response.end(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`);
}

/** routes: "METHOD /path" -> function (request, response, path); a path that ends in "/*" takes what is below it. */
export function serve(name, routes, { port, host = process.env.HOST ?? '0.0.0.0' }) {
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://pod');
    const below = pathname.replace(/\/[^/]+$/, '/*');
    const route = routes[`${request.method} ${pathname}`] ?? routes[`${request.method} ${below}`];
    try {
      await (route ? route(request, response, pathname) : answer(response, 404, { error: 'no such path' }));
    } catch (problem) {
      console.error(`${request.method} ${pathname}: ${problem.message}`);
      if (response.headersSent) response.destroy();
      else answer(response, 500, { error: 'internal' });
    }
  });
  server.listen(port, host, () => console.log(`${name} listens on ${host}:${server.address().port}, in plaintext`));
  endOnSignal(server);
}

export async function body(request, limit = 65_536) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > limit) throw new Error(`the body is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
