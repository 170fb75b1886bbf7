import { PLATFORM_CHAIN } from '#audit';
import type { Command } from '../command.js';
import { EXIT } from '../exit.js';
import { write, writeJson } from '../output.js';
import { Service } from '../service.js';

export const checkpointCommand: Command = {
  name: ['admin', 'audit', 'checkpoint'],
  summary: 'Prints the signed end of a chain: keep it where the database cannot be reached.',
  options: ['tenant', 'url'],
  async run({ options }) {
    const tenantId = options.tenant === PLATFORM_CHAIN ? undefined : options.tenant;
    const checkpoint = await new Service(options.url).get('/admin/v1/audit-events/checkpoint', { tenantId });
    if (options.json) writeJson(checkpoint);
    else write(String(checkpoint['token']));
    return EXIT.fine;
  },
};
