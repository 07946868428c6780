// A ledger in memory: entries are listed, read one by one, and appended.
import { answer, body, serve } from './http.js';

const MOST = 1_000;
const entries = [{ id: 1, account: 'INV-2041', amount: '1250.00' }];
let next = 2;

function one(request, response, path) {
  const found = entries.find((entry) => String(entry.id) === path.split('/').pop());
  answer(response, found ? 200 : 404, found ?? { error: 'no such entry' });
}

async function append(request, response) {
  let entry;
  try {
    entry = JSON.parse(await body(request));
  } catch (problem) {
    answer(response, 400, { error: problem.message });
    return;
  }
  const { account, amount } = entry ?? {};
  if (typeof account !== 'string' || !/^-?\d+\.\d{2}$/.test(amount)) {
    answer(response, 400, { error: 'account: a text; amount: a decimal number with two places, as a text' });
    return;
  }
  const kept = { id: next, account, amount };
  next += 1;
  entries.push(kept);
  if (entries.length > MOST) entries.shift();
  answer(response, 201, kept);
}

const healthy = (request, response) => answer(response, 200, { status: 'UP' });

serve(
  'ledger',
  {
    'GET /health/ready': healthy,
    'GET /health/live': healthy,
    'GET /entries': (request, response) => answer(response, 200, entries),
    'GET /entries/*': one,
    'POST /entries': append,
  },
  { port: Number(process.env.PORT ?? 8080) },
);
