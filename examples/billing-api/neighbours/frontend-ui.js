// The public page. It has no data of its own: /data asks billing-api, in plaintext as far as this process knows.
import { answer, serve } from './http.js';

const BILLING = process.env.BILLING_URL ?? 'http://billing-api.secure-apps.svc.cluster.local:3000/api/data';
const PATIENCE_MS = 3_000;

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>frontend-ui</title>
<h1>frontend-ui</h1>
<p>What billing-api answers to this application's identity: <code id="answer">…</code></p>
<script>
  fetch('data')
    .then(async (response) => response.status + ' ' + (await response.text()))
    .catch((problem) => problem.message)
    .then((text) => { document.getElementById('answer').textContent = text; });
</script>
</html>
`;

async function data(request, response) {
  let reply;
  try {
    reply = await fetch(BILLING, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (problem) {
    answer(response, 502, { error: `billing-api: ${problem.cause?.message ?? problem.message}` });
    return;
  }
  // 200 or, where the mesh refuses, its 403: passed on as it is.
  answer(response, reply.status, await reply.text(), reply.headers.get('content-type') ?? 'text/plain');
}

serve(
  'frontend-ui',
  {
    'GET /': (request, response) => answer(response, 200, PAGE, 'text/html; charset=utf-8'),
    'GET /data': data,
    'GET /healthz': (request, response) => answer(response, 200, 'ok\n', 'text/plain'),
  },
  { port: Number(process.env.PORT ?? 8080) },
);
