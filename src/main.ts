import { VERSION } from './version';
process.stdout.write(`${VERSION}\n`);
