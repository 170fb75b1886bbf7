/**
 * Lets plain Node (24, which strips types by itself) run our TypeScript sources without a build: `./x.js` finds
 * `./x.ts`, and '#core' finds the source, not the build. For what runs before or beside the build.
 */
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier.startsWith('#')) {
      return nextResolve(specifier, { ...context, conditions: [...context.conditions, 'source'] });
    }
    if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
      const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
      if (existsSync(source)) return nextResolve(source.href, context);
    }
    return nextResolve(specifier, context);
  },
});
