/** One question to DuckDB, as a process of its own like its peers: rows as JSON on stdout, the query's own time on stderr. */
import { DuckDBInstance } from '@duckdb/node-api';

const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();
const start = performance.now();
const rows = (await connection.runAndReadAll(process.argv[2])).getRows();
process.stderr.write(String(performance.now() - start));
process.stdout.write(JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
connection.closeSync();
instance.closeSync();
