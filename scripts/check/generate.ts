/** Writes the files that are made from the code: `npm run generate`. The check compares them. */
import { writeFileSync } from 'node:fs';
import { renderEnvironment, settings } from './environment.js';

writeFileSync('.env.example', renderEnvironment(settings()));
