// Plain HTTP and nothing of the mesh: who may call, and the encryption, are the sidecar's.
import express from 'express';

import { endOnSignal } from './ending.js';

// The pod's address and not 127.0.0.1: the README says why.
const HOST = process.env.HOST ?? '0.0.0.0';
const PORT = Number(process.env.PORT ?? 3000);

const app = express();
app.disable('x-powered-by');

app.get('/healthz', (request, response) => {
  response.type('text/plain').send('ok\n');
});

app.get('/api/data', (request, response) => {
  response.json({ invoice: 'INV-2041', amount: '1250.00', currency: 'EUR', confidential: true });
});

const server = app.listen(PORT, HOST, (problem) => {
  if (problem) {
    console.error(`cannot listen on ${HOST}:${PORT}: ${problem.message}`);
    process.exit(1);
  }
  console.log(`billing-api listens on ${HOST}:${server.address().port}, in plaintext`);
});
endOnSignal(server);
