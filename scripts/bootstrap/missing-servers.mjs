/** Prints, as JSON, the names of the servers that this machine lacks. Runs under Node 24, before anything is built. */
import '../run-from-source.mjs';

const { findBinaries, MissingBinaries } = await import('../../libs/testing/src/local-stack/index.ts');
let missing = [];
try {
  findBinaries();
} catch (error) {
  if (!(error instanceof MissingBinaries)) throw error;
  missing = error.missing;
}
console.log(JSON.stringify(missing));
