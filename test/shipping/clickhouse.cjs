// ClickHouse itself, as a library in a process of its own: a query a line comes in, its outcome a line goes out.
const { createInterface } = require('node:readline');
const { Session } = require('chdb');

const session = new Session();
createInterface({ input: process.stdin })
  .on('line', (line) => {
    let outcome;
    try {
      outcome = { rows: session.query(JSON.parse(line), 'JSONEachRow') };
    } catch (error) {
      outcome = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  })
  .on('close', () => {
    session.cleanup();
    process.exit();
  });
