// warm-up.cjs DIST ARGUMENTS: runs the program with these arguments, then writes the code that V8 has compiled by then.
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const vm = require('node:vm');

const [dist] = process.argv.splice(2, 1);
let script;
const { Script } = vm;
vm.Script = class extends Script {
  constructor(...how) {
    super(...how);
    script = this;
  }
};
require(join(dist, 'main.cjs'));
process.on('exit', () => {
  if (process.exitCode) throw new Error(`the warm-up ended with exit code ${process.exitCode}`);
  writeFileSync(join(dist, 'start.cache'), script.createCachedData());
});
