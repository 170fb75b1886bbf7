/** Writes docs/openapi.json from the operations of the API. Needs no server: `npm run openapi`. */
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { CONTROLLERS } from './app.module.js';
import { buildDocument } from './http/openapi-document.js';

const [target = 'docs/openapi.json'] = process.argv.slice(2);
writeFileSync(target, `${JSON.stringify(buildDocument(CONTROLLERS), null, 2)}\n`);
