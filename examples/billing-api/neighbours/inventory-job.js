// A job: it listens nowhere and calls nobody. Its identity is what the example is about.
const PERIOD_MS = 60_000;

let counted = 0;
const count = () => {
  counted += 1;
  console.log(`inventory counted, for the ${counted}. time`);
};
count();
const timer = setInterval(count, PERIOD_MS);

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    clearInterval(timer);
    process.exit(0);
  });
}
