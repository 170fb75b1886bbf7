/** Writes the JSON schema of frames; a part of `npm run generate`. Needs no server. */
import { writeFileSync } from 'node:fs';
import { framesJsonSchema } from './frames.schema.js';

const [target = 'docs/attached-sessions.schema.json'] = process.argv.slice(2);
writeFileSync(target, `${JSON.stringify(framesJsonSchema(), null, 2)}\n`);
